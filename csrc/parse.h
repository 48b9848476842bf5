// SPDX-License-Identifier: GPL-3.0-or-later
// The texts su_as_agent reads: root's policy file, its caller's arguments, and of shadow(5) one field.
//
// Nothing here makes a system call, allocates or prints, so that it can be fuzzed as it is. Strings point into the text that
// was given. A path that is not clean is refused, never normalised. policy.go accepts the same language.
#pragma once
#include "say.h"

enum {
	MAX_POLICY = 32768, MAX_HUMANS = 32, MAX_GROUPS = 8, MAX_CGROUPS = 16, MAX_HIDES = 256, MAX_SHOWS = 32,
	MAX_ALLOWS = 16, MAX_SHARES = 256, MAX_NAME = 25, MAX_HUMAN = 255, MAX_PATH = 4095, MAX_COMPONENT = 255, MAX_WORKTREES = 64,
	MAX_STATES = 16,
};

// The walls that a policy may switch off again. Those without a bit here act through the hide and show lines.
enum { ALLOW_SETUID = 1, ALLOW_USERNS = 2, ALLOW_I386 = 4, ALLOW_DEVICES = 8 };

struct human {
	uint32_t uid;
	const char *name;
};

struct policy {
	const char *name, *home, *shell, *tag, *path, *sha256;
	uint32_t version, uid, gid, group;
	struct human humans[MAX_HUMANS];
	uint32_t groups[MAX_GROUPS];
	const char *cgroups[MAX_CGROUPS], *hides[MAX_HIDES], *shows[MAX_SHOWS], *allows[MAX_ALLOWS];
	unsigned nhumans, ngroups, ncgroups, nhides, nshows, nallows, allowed;
};

// Without an optional one that is unavailable, and is not where the run starts, there is a run all the same. One with same_path is
// seen at its source's own path as well. One with a state that is writable is a draft: what is written goes there, and the source
// stays as it is. One that is hiding has a layer in its state with the names that are not seen.
struct share {
	const char *source, *target, *state;
	int writable, by_acl, optional, same_path, hiding;
};

struct request {
	const char *agent, *dir;
	struct share shares[MAX_SHARES];
	const char *worktrees[MAX_WORKTREES]; // git's, which are not shared
	unsigned nshares, nworktrees, nstates;
	const char *marks; // the state of a draft, whose marks are asked for
	int check;
	char **command; // empty where there is only to check
};

// Where a text is wrong: want is NULL when it is not; line 0 means that the text as a whole is.
struct fault {
	unsigned line;
	const char *key, *want;
};

// shadow(5), read a piece at a time until the line of name has been seen: known, and the day on which it expires, or 0.
struct expiry {
	const char *name;
	size_t at;
	unsigned field;
	int other, bad, known;
	uint32_t day;
};

int is(const char *a, const char *b);
int is_within(const char *path, const char *folder);
int is_name(const char *s);
int is_clean_relative(const char *s);
int is_clean_absolute(const char *s);
const char *one_more(const char **slots, unsigned *n, unsigned max, const char *value, int (*valid)(const char *),
		     const char *want);
struct fault parse_policy(struct policy *p, char *text, size_t n);
struct fault parse_request(struct request *r, char **argv);
void read_expiry(struct expiry *e, const char *text, size_t n);
