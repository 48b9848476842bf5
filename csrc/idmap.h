// SPDX-License-Identifier: GPL-3.0-or-later
// Id maps for mounts: user namespaces that nobody runs in. Each is that of a child which waits for the end of a pipe, and so cannot
// be left behind.
#pragma once
#include "say.h"

// The kernel takes so much of a map at once: lines, and less than a page of text.
enum { MAX_MAP_LINES = 340, MAX_MAP = 4095 };

// From here on there are no users and no groups, by the conventions of every distribution.
#define FIRST_NOBODY 0xffff0000U

struct id_map {
	char text[MAX_MAP + 1];
	size_t size;
	unsigned lines;
};

struct id_map_maker {
	pid_t child; // -1 where the machine lets nobody make a user namespace
	int proc, ends[2];
};

int add_ids(struct id_map *m, uint32_t from, uint32_t to, uint32_t n);
void start_id_map(struct id_map_maker *m);
int end_id_map(struct id_map_maker *m, const struct id_map *uids, const struct id_map *gids);
