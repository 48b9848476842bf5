// SPDX-License-Identifier: GPL-3.0-or-later
// A draft: a folder of the human that the agent sees through an overlay. The agent's files go to a folder of the human's state,
// as the human's; the folder itself stays as it is. The same overlay, without that half, hides names of a share that is read-only.
#pragma once
#include "shares.h"

void lock_drafts(struct shares *all, const struct request *r, const char *home, uid_t caller, gid_t group);
void unlock_drafts(const struct shares *all, const struct request *r);
int open_layers(struct shares *all, const struct request *r, unsigned i, int folder, int map);
void take_powers_over_files(void);
void take_every_power(void);
void mount_drafts(struct shares *all, const struct request *r, const char *home);
_Noreturn void tell_marks(const char *state, uid_t caller, gid_t group);
