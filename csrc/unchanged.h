// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a run has left everything in its writable shares as it was, so that nothing has to look there for what it did.
#pragma once
#include "run.h"

void note_start(struct run *run);
void watch_mounts(struct run *run);
int left_all_as_it_was(const struct run *run);
