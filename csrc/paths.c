//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "paths.h"
#include <sys/fsuid.h>
#include "kernel.h"
#include "parse.h"

int open_beneath(int folder, const char *path, int flags, uint64_t resolve)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { (uint64_t)flags | O_CLOEXEC, 0, resolve };

	return (int)syscall(NR_OPENAT2, folder, path, &how, sizeof how);
}

enum { MAX_LINKS = 40 /* as many as the kernel follows */ };

// A way that is still to go: names, from rest on.
struct way {
	char text[2 * MAX_PATH + 2], *rest;
	int links;
};

// Whether nobody but root can change what is in a folder. The group's bits of one with an ACL are the most that the ACL gives.
static int is_roots_alone(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

// Whether it is a regular file that belongs to root alone.
int is_roots_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_roots_alone(fd);
}

int open_root(void)
{
	return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int is_same(int one, int other)
{
	struct stat a, b;

	if (fstat(one, &a) != 0 || fstat(other, &b) != 0)
		fail("look at a folder");
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int none_because(int error)
{
	errno = error;
	return -1;
}

// Takes the next name off the way; NULL where it ends.
static const char *take_name(struct way *w)
{
	char *name = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(name, "/");

	w->rest = name + n + (name[n] == '/');
	name[n] = '\0';
	return n > 0 ? name : NULL;
}

// Puts where a link leads before the rest of the way.
static int put_target(struct way *w, int link)
{
	static char target[MAX_PATH + 1], text[sizeof w->text];
	ssize_t n = readlinkat(link, "", target, MAX_PATH);

	if (n <= 0 || (size_t)n + strlen(w->rest) > 2 * MAX_PATH)
		return 0;
	target[n] = '\0';
	join(text, sizeof text, target, "/", w->rest);
	w->rest = strcpy(w->text, text);
	return 1;
}

// A name in a folder, not followed: as a folder first, so that one that is mounted when somebody looks is.
static int open_name(int folder, const char *name)
{
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

// The end of a name in a folder: itself, or the place where its target is to be looked for.
static int take_step(struct way *w, int folder, const char *name)
{
	struct stat st;
	int next = is_roots_alone(folder) ? open_name(folder, name) : none_because(ELOOP);

	if (next < 0 || fstat(next, &st) != 0 || !S_ISLNK(st.st_mode))
		return next;
	if (st.st_uid != 0 || ++w->links > MAX_LINKS || !put_target(w, next)) {
		close(next);
		return none_because(ELOOP);
	}
	close(next);
	return w->rest[0] == '/' ? open_root() : fcntl(folder, F_DUPFD_CLOEXEC, 3);
}

// Opens, with O_PATH, what an absolute path leads to through symbolic links that only root can have put there: each link, and each
// folder on the way, is root's, and nobody else can write the folder. -1 and ELOOP where it is not so, and where it leads to the
// root folder, which nothing can be put on.
int follow_roots_links(const char *path)
{
	static struct way w;
	const char *name;
	int root = open_root(), at = open_root(), next;

	w.rest = join(w.text, sizeof w.text, path);
	w.links = 0;
	while (at >= 0 && (name = take_name(&w)) != NULL) {
		next = take_step(&w, at, name);
		close(at);
		at = next;
	}
	if (at >= 0 && is_same(at, root)) {
		close(at);
		at = none_because(ELOOP);
	}
	close(root);
	return at;
}

// Opens a path of the machine: through no link, or through root's; also is O_DIRECTORY or 0.
int open_of_machine(const char *path, int also)
{
	int fd = open_beneath(AT_FDCWD, path, O_PATH | also, RESOLVE_PLAIN);

	return fd < 0 && errno == ELOOP ? follow_roots_links(path) : fd;
}

// The descriptor, where there is one; else the end, with what was being done to what.
int must(int fd, const char *doing, const char *what)
{
	if (fd < 0)
		fail(doing, what);
	return fd;
}

int open_folder(const char *path)
{
	int fd = open_of_machine(path, O_DIRECTORY);

	if (fd < 0 && errno == ELOOP)
		die("open ", path, ": want no symbolic link on the way but root's, in folders that only root can write");
	return must(fd, "open ", path);
}

// The agent's home, through no link at all.
int open_home_folder(const char *path)
{
	return must(open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_PLAIN), "open ", path);
}

// Whether a NixOS configuration declares the agents of this machine. Only what is advised depends on it.
int is_declared(void)
{
	struct stat st;

	return lstat("/etc/au/agents.json", &st) == 0;
}

// From here on paths are looked up with these ids and without root's powers over files; with 0, with root's again.
void take_file_ids(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	if (setfsuid((uid_t)-1) != (int)uid || setfsgid((gid_t)-1) != (int)gid)
		die("could not take the file-system ids of another user");
}
