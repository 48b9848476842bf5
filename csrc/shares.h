// SPDX-License-Identifier: GPL-3.0-or-later
// The human's folders in a run, as id-mapped mounts: what is the human's on disk is the agent's inside, whatever the modes, and
// nothing else of the disk is. Sources are opened with the caller's rights, targets with the agent's.
#pragma once
#include "parse.h"

// The shares of a run: their mounts, not attached yet, and the folders to attach them on.
struct shares {
	int mounts[MAX_SHARES], places[MAX_SHARES];
	unsigned char left_out[MAX_SHARES];
	char reason[2 * MAX_LINE]; // why a share cannot be had, for a message; it holds until the next one
};

int map_for_shares(const struct request *r, uid_t uid, gid_t gid, uid_t to_uid, gid_t to_gid);
void open_shares(struct shares *all, const struct request *r, const char *home, uid_t owner, int map);
void find_places(struct shares *all, const struct request *r, const struct policy *p, uid_t human);
void attach_shares(const struct shares *all, const struct request *r);
