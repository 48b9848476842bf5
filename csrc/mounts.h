// SPDX-License-Identifier: GPL-3.0-or-later
// Mounts are made as file descriptors and attached fd to fd: no path is looked up twice, and no path in the agent's hands is
// looked up with root's rights.
#pragma once
#include "paths.h"

enum { WITH_SUBMOUNTS = 0x8000 /* AT_RECURSIVE */ };
enum { FLAG_RDONLY = 0x1, FLAG_NOSUID = 0x2, FLAG_NODEV = 0x4, FLAG_NOEXEC = 0x8, FLAG_IDMAP = 0x100000 };

// The lines of /proc/self/mounts, which costs half of what mountinfo does. One that does not fit comes in pieces: whoever asks must
// look at what is at a place before it does anything there.
struct mounts {
	int fd;
	size_t from, to;
	char text[65536];
};

int try_mount(const char *type, const char *const *options, unsigned flags);
int new_mount(const char *type, const char *const *options, unsigned flags);
int clone_tree(int fd, unsigned also);
int add_flags(int mount, unsigned also, uint64_t flags, int userns);
void put_on(int mount, int place, const char *name);
void attach(int mount, int place, const char *name);
void cover(int blank, int place, const char *path);
void read_mounts(struct mounts *m);
int next_mount(struct mounts *m, const char **point, const char **type);
