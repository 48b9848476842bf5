// SPDX-License-Identifier: GPL-3.0-or-later
// The proofs about the walk through root's links, on a machine where each look-up gives anything there can be, also what it did not
// give a moment ago. The walk and what it does with strings are proved apart: `run` calls the real functions for strings
// real_take_name and real_put_target, and the walk gets any name and any target instead.
#include "prove.h"
#include <stdarg.h>

struct way;
static const char *take_name(struct way *w);
static int put_target(struct way *w, int link);

#include "../paths.c"

// What is open. Of a file only that is known for which the walk asks; a descriptor keeps it, as it does while only root could
// change it.
enum { DESCRIPTORS = 5, NAMES = 2 /* in a path, and in a link */ };
static struct {
	int is_open, is_root;
	unsigned mode;
	uid_t uid;
} all[DESCRIPTORS];

static int is_alone(int fd)
{
	return all[fd].uid == 0 && (all[fd].mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int any_file(int is_root)
{
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (!all[fd].is_open) {
			all[fd].is_open = 1;
			all[fd].is_root = is_root;
			all[fd].mode = is_root ? S_IFDIR | (nondet_unsigned() & 07777) : nondet_unsigned();
			all[fd].uid = nondet_unsigned();
			return fd;
		}
	CHECK(!"no descriptor is left open on the way");
	return -1;
}

static int may_fail(int fd)
{
	if (nondet_int()) {
		errno = nondet_int();
		return -1;
	}
	return fd < 0 ? any_file(fd == -2) : fd;
}

int open(const char *path, int flags, ...)
{
	(void)flags;
	CHECK(path[0] == '/' && path[1] == '\0');
	return may_fail(-2);
}

// A name is looked for in a folder of root alone, and it is not followed.
int openat(int folder, const char *name, int flags, ...)
{
	CHECK(folder >= 0 && all[folder].is_open && is_alone(folder));
	CHECK(name != NULL);
	CHECK((flags & (O_PATH | O_NOFOLLOW)) == (O_PATH | O_NOFOLLOW));
	return may_fail(nondet_int() ? -2 : -1); // ".." may lead to the root folder
}

int fstat(int fd, struct stat *st)
{
	if (fd < 0 || nondet_int())
		return -1;
	CHECK(all[fd].is_open);
	st->st_mode = all[fd].mode;
	st->st_uid = all[fd].uid;
	st->st_dev = 1;
	st->st_ino = all[fd].is_root ? 1 : 2;
	return 0;
}

int fcntl(int fd, int command, ...)
{
	int copy = may_fail(-1);

	CHECK(command == F_DUPFD_CLOEXEC && all[fd].is_open);
	if (copy >= 0)
		all[copy] = all[fd];
	return copy;
}

int close(int fd)
{
	CHECK(fd < 0 || all[fd].is_open);
	if (fd >= 0)
		all[fd].is_open = 0;
	return 0;
}

// The walk's strings: how many names are left, and whether the way begins at the root folder.
static int names_left;

static const char *take_name(struct way *w)
{
	w->rest = nondet_int() ? "/" : "a";
	return names_left-- > 0 ? "a" : NULL;
}

// Only root's links are read.
static int put_target(struct way *w, int link)
{
	CHECK(all[link].is_open && S_ISLNK(all[link].mode) && all[link].uid == 0);
	if (nondet_int())
		return 0;
	SUPPOSE(names_left >= 0);
	names_left += NAMES;
	w->rest = nondet_int() ? "/" : "a";
	return 1;
}

// However it ends, nothing is open but what it returns, which is never the root folder; and it ends.
void walk(void)
{
	int fd, others = 0;

	names_left = NAMES;
	fd = follow_roots_links("/");
	for (int i = 0; i < DESCRIPTORS; i++)
		others += all[i].is_open && i != fd;
	CHECK(others == 0);
	CHECK(fd < 0 || (all[fd].is_open && !all[fd].is_root));
}

// Its strings, one by one: any way, from any place of it on.
static void any_way(struct way *w)
{
	size_t at = nondet_size();

	ANY_TEXT(w->text);
	SUPPOSE(at <= strlen(w->text));
	w->rest = w->text + at;
}

// It takes one name, and the rest is in the way still, nearer to its end.
void names_taken(void)
{
	struct way w;
	const char *name, *end;

	any_way(&w);
	end = w.text + strlen(w.text);
	name = real_take_name(&w);
	CHECK(w.rest >= w.text && w.rest <= end);
	CHECK(name == NULL ? w.rest == end : name[0] != '\0' && strcspn(name, "/") == strlen(name) && w.rest > name);
}

static size_t target_length;

ssize_t readlinkat(int link, const char *path, char *buffer, size_t size)
{
	char target[MAX_PATH + 1];

	(void)link;
	ANY_TEXT(target);
	target_length = strlen(target);
	CHECK(path[0] == '\0');
	if (nondet_int())
		return -1;
	target_length = target_length < size ? target_length : size;
	memcpy(buffer, target, target_length);
	return (ssize_t)target_length;
}

// Never has anything to be refused for its length here.
char *join_parts(char *buffer, size_t size, const char *const *parts)
{
	size_t n = 0;

	for (; *parts != NULL; parts++)
		for (const char *from = *parts; *from != '\0'; from++) {
			CHECK(n + 1 < size);
			buffer[n++] = *from;
		}
	buffer[n] = '\0';
	return buffer;
}

void say_parts(const char *const *parts) { (void)parts; }
const char *error_text(int error) { return error ? "" : NULL; }

// The target and what was left fit, and are the way; a target that does not fit changes nothing.
void targets_put(void)
{
	struct way w;
	size_t left;

	any_way(&w);
	left = strlen(w.rest);
	if (real_put_target(&w, 3)) {
		CHECK(target_length > 0 && w.rest == w.text && strlen(w.rest) == target_length + 1 + left);
	} else {
		CHECK(strlen(w.rest) == left);
	}
}
