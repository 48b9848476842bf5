// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's numbers that older headers lack, and a machine that has only a C library: the same on every processor.
#pragma once
#include <sys/syscall.h>

enum {
	NR_IO_URING_SETUP = 425, NR_IO_URING_ENTER = 426, NR_IO_URING_REGISTER = 427,
	NR_OPEN_TREE = 428, NR_MOVE_MOUNT = 429, NR_FSOPEN = 430, NR_FSCONFIG = 431, NR_FSMOUNT = 432,
	NR_CLONE3 = 435, NR_CLOSE_RANGE = 436, NR_OPENAT2 = 437, NR_MOUNT_SETATTR = 442,
	NR_LANDLOCK_CREATE_RULESET = 444, NR_LANDLOCK_RESTRICT_SELF = 446, NR_FCHMODAT2 = 452,
};

enum { PROC_MAGIC = 0x9fa0, DEVPTS_MAGIC = 0x1cd1, MQUEUE_MAGIC = 0x19800202, TMPFS_MAGIC = 0x01021994 };
enum { FIRST_PTY = 136, LAST_PTY = 143 /* the major numbers of pseudoterminals */ };
