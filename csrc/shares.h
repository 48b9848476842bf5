// SPDX-License-Identifier: GPL-3.0-or-later
// The human's folders and files in a run, as id-mapped mounts: what is the human's on disk is the agent's inside, whatever the
// modes, and nothing else of the disk is. Sources are opened with the caller's rights, targets with the agent's.
#pragma once
#include "parse.h"
#include "walls.h"

// struct statx, which not every C library has.
struct known {
	uint32_t mask, block;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, spare;
	uint64_t inode, numbers[11];
	uint32_t kind_major, kind_minor, major, minor;
	uint64_t rest[14];
};

// The shares of a run: their mounts, not attached yet, and the folders to attach them on.
struct shares {
	int mounts[MAX_SHARES], places[MAX_SHARES]; // of a file, a file
	int copies[MAX_SHARES];           // for their own paths; -1 where a share is at its target alone
	int drafts[MAX_SHARES];           // attached at their own paths; -1 of others
	int locks[MAX_SHARES];            // of drafts; -1 of others, once there is one
	int layers[MAX_SHARES];           // of drafts: the state as a mount, not attached yet
	struct known sources[MAX_SHARES];
	struct known covers;              // the folder that all covers are copies from
	unsigned char left_out[MAX_SHARES];
	unsigned char own_path[MAX_SHARES]; // seen at its own path by a mount of its own
	char reason[2 * MAX_LINE]; // why a share is unavailable, for a message; it holds until the next one
};

// Whose a target may be.
struct owners {
	uid_t agent, human;
};

#define because(all, ...) show((all)->reason, sizeof (all)->reason, __VA_ARGS__)

int map_for_shares(const struct request *r, uid_t uid, gid_t gid, uid_t to_uid, gid_t to_gid);
void open_shares(struct shares *all, const struct request *r, const char *home, uid_t owner, int map);
int open_source(const char *path);
void leave_out(struct shares *all, const struct request *r, const char *home, unsigned i, const char *why);
int look_at(int fd, struct known *known);
void make_ways(struct shares *all, const struct request *r, const struct blanks *b);
void open_ways(const struct shares *all, const struct request *r, const struct blanks *b);
int open_target(struct shares *all, int from_folder, const char *target, const char *name, int file, const struct owners *of);
void find_places(struct shares *all, const struct request *r, const struct policy *p, const struct owners *of);
void attach_shares(struct shares *all, const struct request *r);
void attach_own_paths(struct shares *all, const struct request *r, const struct owners *of);
