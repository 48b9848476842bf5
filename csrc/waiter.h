// SPDX-License-Identifier: GPL-3.0-or-later
// The process outside, which the human can see and kill: it waits for the run and ends as it did.
#pragma once
#include "run.h"

int wait_outside(struct run *run, pid_t child);
