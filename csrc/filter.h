// SPDX-License-Identifier: GPL-3.0-or-later
// The system calls a run may not make, and the Landlock scopes.
#pragma once
#include "kernel.h"
#include "say.h"

enum { TIOCSTI_NUMBER = 0x5412, TIOCLINUX_NUMBER = 0x541c };
#define EXT4_MOVE_EXTENTS 0xc028660fu	  // fs/ext4/move_extent.c
#define XFS_SWAP_EXTENTS 0xc0c0586du	  // fs/xfs/xfs_bmap_util.c
#define SET_ENCRYPTION_POLICY 0x800c6613u // of fscrypt, Documentation/filesystems/fscrypt.rst
#define ADD_ENCRYPTION_KEY 0xc0506617u
enum { X32_BIT = 0x40000000, TMPFILE_BIT = 020000000, NEWUSER_BIT = 0x10000000 };

int install_filter(int allow_userns, int allow_foreign);
int install_scopes(void);
