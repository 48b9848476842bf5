// SPDX-License-Identifier: GPL-3.0-or-later
// What comes in, and whether it may: descriptors, identity, request, policy, caller.
#pragma once
#include "run.h"

void seal_descriptors(void);
void check_identity(struct run *run);
void reset_process(struct run *run);
void read_request(struct run *run, char **argv);
void read_policy(struct run *run);
void check_caller(struct run *run);
void build_environment(struct run *run);
char *find_variable(const char *name, char **among);
void become_root(void);
void check_expiry(const struct run *run);
void check_descriptors(struct run *run);
