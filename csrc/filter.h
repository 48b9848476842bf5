// SPDX-License-Identifier: GPL-3.0-or-later
// The system calls a run may not make, and the Landlock scopes.
#pragma once
#include "kernel.h"
#include "say.h"

enum { TIOCSTI_NUMBER = 0x5412, TIOCLINUX_NUMBER = 0x541c };
enum { X32_BIT = 0x40000000, TMPFILE_BIT = 020000000, NEWUSER_BIT = 0x10000000 };

int install_filter(int allow_userns, int allow_foreign);
int install_scopes(void);
