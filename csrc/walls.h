// SPDX-License-Identifier: GPL-3.0-or-later
// What a run sees of the machine, built by pid 1 of the run as root in a mount namespace of its own.
#pragma once
#include "mounts.h"
#include "parse.h"

// One small file system has everything that takes the place of something else, because making one costs more than its contents. It
// has an empty folder, an empty file, the folders that lead to the home and to shares, and the files of devices.c.
struct blanks {
	int made; // the mount, until attach_blanks
	int folder, file, way;
};

int map_of_nobody(void);
int seal_run(const struct policy *p, int map);
void make_blanks(struct blanks *b, const char *home);
void attach_blanks(struct blanks *b);
int make_way(int folder, const char *path);
int hide_around_ways(const char *path, int place, const struct blanks *b);
void close_blanks(const struct blanks *b);
int is_stray(const char *place, const char *type);
void hide_strays(const struct blanks *b);
void hide_all(const struct policy *p, int sealed, const struct blanks *b);
int open_state(const struct policy *p);
void mount_temporary(int state);
void make_runtime_place(void);
void mount_runtime(const struct policy *p);
void mount_proc(void);
