// SPDX-License-Identifier: GPL-3.0-or-later
// How paths are opened: the kernel checks them, and of what the machine has put elsewhere only root's links are followed.
#pragma once
#include "say.h"

// How a path may lead: PLAIN through no symbolic link at all, INSIDE moreover never out of the folder it starts from.
enum { RESOLVE_PLAIN = 0x02 | 0x04, RESOLVE_INSIDE = 0x02 | 0x04 | 0x08 };

int open_beneath(int folder, const char *path, int flags, uint64_t resolve);
int follow_roots_links(const char *path);
int open_of_machine(const char *path, int also);
int open_root(void);
int open_folder(const char *path);
int open_home_folder(const char *path);
int is_same(int one, int other);
int is_roots_file(int fd);
int must(int fd, const char *doing, const char *what);
int is_declared(void);
void take_file_ids(uid_t uid, gid_t gid);
