// SPDX-License-Identifier: GPL-3.0-or-later
// Pid 1 of the run, once the command is there; and what it and the waiter tell each other.
#pragma once
#include "run.h"

// A signal, whether it is for the command's whole group, and whether the group should have the terminal's foreground from now on or
// the guard, which never reads, should.
struct message {
	unsigned char signal, to_group, foreground;
};

enum { FOREGROUND_COMMAND = 1, FOREGROUND_GUARD = 2 };
enum { SERVER_ENDS = 0 /* no signal: the guard says that a server of tmux or screen ends with the run */ };

int exit_status(int status);
void forget(int highest);
_Noreturn void guard(const struct run *run, pid_t command);
