// SPDX-License-Identifier: GPL-3.0-or-later
// What a run has of the machine, and what is kept of it: cgroups, limits, log.
#pragma once
#include "run.h"

void open_cgroups(struct run *run);
void join_cgroups(const struct run *run);
_Noreturn void outside_cgroup(const struct run *run, unsigned i);
uint32_t count_kills(const struct run *run);
void read_limits(struct run *run);
void set_limits(const struct run *run);
void be_ended_first(void);
void open_log(struct run *run);
void write_log(const struct run *run, const char *how);
void log_start(const struct run *run, pid_t guard);
