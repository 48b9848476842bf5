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
#define SYSFS_MAGIC 0x62656572u
#define CGROUP_MAGIC 0x0027e0ebu
#define CGROUP2_MAGIC 0x63677270u
#define DEBUGFS_MAGIC 0x64626720u
#define TRACEFS_MAGIC 0x74726163u
#define SECURITYFS_MAGIC 0x73636673u
#define CONFIGFS_MAGIC 0x62656570u
#define BPF_MAGIC 0xcafe4a11u
#define PSTORE_MAGIC 0x6165676cu
#define EFIVARFS_MAGIC 0xde5e81e4u
#define FUSECTL_MAGIC 0x65735543u
#define SELINUXFS_MAGIC 0xf97cff8cu
#define BINFMT_MAGIC 0x42494e4du
enum { FIRST_PTY = 136, LAST_PTY = 143 /* the major numbers of pseudoterminals */ };
