// SPDX-License-Identifier: GPL-3.0-or-later
// The command's process: from the fork on, through all that it gives up, until it is the command.
#pragma once
#include "run.h"

void take_terminal(const struct run *run);
void drop_bounding_set(void);
void become_agent(const struct policy *p);
pid_t fork_command(struct run *run);
_Noreturn void run_command(struct run *run);
