// SPDX-License-Identifier: GPL-3.0-or-later
// The proofs about the parsers: whatever the text up to a bound, they touch nothing outside it, and accept only what is right.
#include "prove.h"

#include "../parse.c"

static int is_lower(char c) { return c >= 'a' && c <= 'z'; }
static int is_digit(char c) { return c >= '0' && c <= '9'; }

// A name is defined here in another way than in the parser: both ways round.
void names(void)
{
	char s[MAX_NAME + 4];
	size_t n = (ANY_TEXT(s), strlen(s));
	int good = n >= 1 && n <= MAX_NAME && (is_lower(s[0]) || s[0] == '_');

	for (size_t i = 0; i < n; i++)
		good &= is_lower(s[i]) || is_digit(s[i]) || s[i] == '_' || s[i] == '-';
	CHECK(is_name(s) == good);
}

// Every id that is accepted is a number as people write it, and neither root's nor "no change"; on the way to it nothing overflows.
void ids(void)
{
	char s[13];
	uint32_t least = nondet_unsigned(), id = 0;
	size_t n = (ANY_TEXT(s), strlen(s));
	int digits = n >= 1 && n <= 10 && s[0] != '0';

	SUPPOSE(least > 0);
	for (size_t i = 0; i < n; i++)
		digits &= is_digit(s[i]);
	CHECK(!parse_id(s, least, &id) || (digits && id >= least && id != UINT32_MAX));
}

// And it is the number that is written.
void values(void)
{
	char s[5];
	uint32_t id = 0, value = 0;
	size_t n = (ANY_TEXT(s), strlen(s));

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (uint32_t)(s[i] - '0');
	CHECK(!parse_id(s, 1, &id) || id == value);
	CHECK(n == 0 || s[0] < '1' || s[0] > '9' || (n > 1 && !is_digit(s[1])) || (n > 2 && !is_digit(s[2])) ||
	      (n > 3 && !is_digit(s[3])) || id == value);
}

// Whether any component of the n bytes is empty, too long, "." or "..".
static int has_bad_component(const char *s, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t length = i - from;

		if (i < n && s[i] != '/')
			continue;
		if (length == 0 || length > MAX_COMPONENT || (length <= 2 && s[from] == '.' && s[i - 1] == '.'))
			return 1;
		from = i + 1;
	}
	return 0;
}

// Run with MAX_PATH and MAX_COMPONENT made small, so that strings beyond both are among those tried.
void paths(void)
{
	char s[MAX_PATH + 3];
	size_t n = (ANY_TEXT(s), strlen(s));

	CHECK(is_clean_relative(s) == (n <= MAX_PATH && !has_bad_component(s, n)));
	CHECK(is_clean_absolute(s) == (n > 0 && n <= MAX_PATH && s[0] == '/' && !has_bad_component(s + 1, n - 1)));
	CHECK(!is_in_run(s) || (n > 5 && s[0] == '/' && s[1] == 'r' && s[2] == 'u' && s[3] == 'n' && s[4] == '/'));
}

void search_paths(void)
{
	char s[MAX_PATH + 3];
	size_t n = (ANY_TEXT(s), strlen(s)), from = 0;
	int good = 1;

	for (size_t i = 0; i <= n; i++)
		if (i == n || s[i] == ':') {
			good &= i > from && i - from <= MAX_PATH && s[from] == '/' &&
				!has_bad_component(s + from + 1, i - from - 1);
			from = i + 1;
		}
	CHECK(is_search_path(s) == good);
}

static const char *const keys[] = { "name",	 "uid",	      "gid",	"group",  "home", "shell", "tag",   "path",
				    "enter-uid", "enter-gid", "sha256", "cgroup", "hide", "show",  "allow", "unknown" };

// Any key with any value, in a policy that may be full: nothing is written beyond a list, and nothing but one slot changes.
void lines_of_policy(void)
{
	static struct policy p;
	char value[8];
	const char *fault = NULL;
	unsigned before, which = nondet_unsigned();

	SUPPOSE(which < sizeof keys / sizeof *keys);
	p.nhumans = nondet_unsigned();
	p.ngroups = nondet_unsigned();
	p.ncgroups = nondet_unsigned();
	p.nhides = nondet_unsigned();
	p.nshows = nondet_unsigned();
	p.nallows = nondet_unsigned();
	SUPPOSE(p.nhumans <= MAX_HUMANS && p.ngroups <= MAX_GROUPS && p.ncgroups <= MAX_CGROUPS && p.nhides <= MAX_HIDES &&
		p.nshows <= MAX_SHOWS && p.nallows <= MAX_ALLOWS);
	before = p.nhumans + p.ngroups + p.ncgroups + p.nhides + p.nshows + p.nallows;
	p.uid = nondet_unsigned();
	uint32_t uid = p.uid;
	ANY_TEXT(value);
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		if (which == i)
			fault = parse_key(&p, keys[i], value);
	unsigned after = p.nhumans + p.ngroups + p.ncgroups + p.nhides + p.nshows + p.nallows;

	CHECK(p.nhumans <= MAX_HUMANS && p.ngroups <= MAX_GROUPS && p.ncgroups <= MAX_CGROUPS && p.nhides <= MAX_HIDES &&
	      p.nshows <= MAX_SHOWS && p.nallows <= MAX_ALLOWS);
	CHECK(after == before || (fault == NULL && after == before + 1));
	CHECK(uid == 0 || p.uid == uid);
	CHECK(p.uid == 0 || uid != 0 || (p.uid >= 1000 && p.uid != UINT32_MAX));
	CHECK(which != sizeof keys / sizeof *keys - 1 || fault != NULL);
}

// A policy that is accepted as a whole has all that is needed, and contradicts itself nowhere.
void whole_policies(void)
{
	static struct policy p;
	static char text[] = "a", home[] = "/h";
	char hide[2][5];
	struct fault f = { 0, NULL, NULL };

	p.name = nondet_int() ? text : NULL;
	p.home = nondet_int() ? home : NULL;
	p.shell = nondet_int() ? text : NULL;
	p.tag = nondet_int() ? text : NULL;
	p.uid = nondet_unsigned();
	p.gid = nondet_unsigned();
	p.group = nondet_unsigned();
	p.nhumans = nondet_unsigned();
	p.ngroups = nondet_unsigned();
	p.nhides = nondet_unsigned();
	SUPPOSE(p.nhumans <= 2 && p.ngroups <= 2 && p.nhides <= 2);
	for (unsigned i = 0; i < 2; i++) {
		p.humans[i].uid = nondet_unsigned();
		p.groups[i] = nondet_unsigned();
		ANY_TEXT(hide[i]);
		p.hides[i] = hide[i];
	}
	f = check_whole(&p);
	if (f.want != NULL)
		return;
	CHECK(p.name && p.home && p.shell && p.tag && p.uid && p.gid && p.group);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(i >= p.nhumans || p.humans[i].uid != p.uid);
		CHECK(i >= p.ngroups || p.groups[i] != p.gid);
		CHECK(i >= p.nhides || !is(p.hides[i], "/h"));
		CHECK(i >= p.nhides || strncmp(p.hides[i], "/h/", 3) != 0);
	}
}

// Any text after the first line: nothing outside it is read or written, and a fault has a line that is there.
void policies(void)
{
	static struct policy p;
	static const char first[] = "au-policy 1\n";
	char text[sizeof first + 5];
	size_t n = nondet_size(), head = sizeof first - 1;
	struct fault f;

	SUPPOSE(n >= head && n < sizeof text);
	memcpy(text, first, head);
	f = parse_policy(&p, text, n);
	CHECK(f.want != NULL); /* none so short has all that is needed */
	CHECK(f.line <= n);
}

// One option of each kind with any two words after it, the list cut off anywhere: nothing is read past its end, and what is
// accepted is clean.
void arguments(void)
{
	static char options[][12] = { "--dir", "--try-acl-rw", "--ro", "-x" };
	char name[3], first[4], second[4], program[] = "", end[] = "--", command[] = "x";
	unsigned which = nondet_unsigned(), words = nondet_unsigned();
	static struct request r;

	ANY_TEXT(name);
	ANY_TEXT(first);
	ANY_TEXT(second);
	for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
		for (unsigned n = 2; n <= 7; n++) {
			char *argv[] = { program, name, options[i], first, second, end, command, NULL };

			if (i != which || n != words)
				continue;
			argv[n] = NULL;
			if (parse_request(&r, argv).want != NULL)
				return;
			CHECK(is_name(r.agent) && r.nshares <= 1);
			CHECK(r.dir == NULL || r.dir[0] == '/');
			CHECK(r.command > argv + 2 && r.command < argv + n && is(r.command[-1], "--"));
			CHECK(r.nshares == 0 || (is_clean_absolute(r.shares[0].source) && is_clean_relative(r.shares[0].target)));
		}
}
