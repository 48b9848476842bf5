// SPDX-License-Identifier: GPL-3.0-or-later
// All that is known of a run. Each fork copies it. Beside each field is which of the three processes uses it, or sets it for
// another. W is the waiter, before and after the fork, 1 is pid 1 of the run and then its guard, C the command until it is itself.
#pragma once
#include "shares.h"
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_VARIABLES = 512, MAX_RLIMITS = 16, LAST_SIGNAL = 64 };

struct run {
	struct policy policy;              // W 1 C: root's word
	struct request request;            // W 1 C: the caller's
	uid_t caller;                      // W 1
	gid_t caller_group;                // W 1
	char caller_label[MAX_HUMAN + 32]; // W 1: for the log
	mode_t caller_umask;               // W: for what the caller wants done after the run
	sigset_t forwarded;                // W: the signals that are passed on
	sigset_t kept;                     // W: those that came when the command had ended
	int passed;                        // W: the last that was passed on, or 0
	pid_t waiter;                      // W 1: its own number, for the log
	int link;                          // W 1: its end of what leads to the other of the two
	int log;                           // W 1: the socket, or -1
	int kills;                         // W: where the kernel counts what it has ended for want of memory, or -1
	uint32_t kills_before;             // W: the count before the run
	struct timespec since, booted;     // W: when the run began, by two clocks
	int mounts;                        // W: what tells that something was mounted or unmounted meanwhile, or -1
	int server_ended;                  // W: whether one of tmux or screen ended with the run
	int terminal;                      // W 1 C: 0, 1, 2, or -1 for none
	int in_background;                 // C: whether it begins there, in that terminal
	int map_for_shares, map_of_nobody; // 1: id maps, or -1
	struct shares shares;              // 1
	struct rlimit limits[MAX_RLIMITS]; // 1: what all in the run has
	int cgroups[MAX_CGROUPS];          // C: v1's tasks files; unified's folder, for pid 1 to fork into
	int unified;                       // 1 C: which of them is cgroup v2's, or -1
	int born_in_unified;               // C: whether pid 1 could
	unsigned nvariables;               // W C: how many of those that follow
	char *variables[MAX_VARIABLES + 8]; // C: its environment; W: that of what is done after the run
};
