// SPDX-License-Identifier: GPL-3.0-or-later
// What a run has for /dev: the nodes that every program expects, the machine's cards for graphics and computing, and terminals,
// shared memory and message queues of its own.
#pragma once
#include "walls.h"

enum { MAX_TAKEN = 64 };

// The parts of the machine's /dev that are to be in the run's.
struct devices {
	int own; // whether the run has a /dev of its own, rather than the machine's, as the policy may allow
	const char *memory; // where the machine's shared memory is, if a link leads to it; or NULL
	int terminal; // the node of the run's terminal, or -1
	uint32_t number; // that terminal's
	struct {
		const char *path;
		int mount;
	} taken[MAX_TAKEN]; // copies of the machine's nodes, on their way into the run's /dev
	unsigned ntaken;
};

const char *find_linked_memory(void);
void make_devices(struct devices *d, const struct blanks *b, unsigned allowed, int terminal, const char *memory);
void mount_devices(const struct devices *d);
