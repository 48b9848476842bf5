// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Prints the entrypoint's filter as this processor has it, a step a line: code, two jumps, value. It installs nothing, so it runs under an emulator, too.
 * Arguments: words a policy would allow.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long not_done(long number, ...)
{
	(void)number;
	return 0;
}

#define syscall not_done
#include "../filter.h"

int main(int argc, char **argv)
{
	int userns = 0, i386 = 0;

	for (int i = 1; i < argc; i++) {
		userns |= strcmp(argv[i], "userns") == 0;
		i386 |= strcmp(argv[i], "i386") == 0;
	}
	if (!install_scopes() || !install_filter(userns, i386))
		return 1;
	for (unsigned i = 0; i < filter_size; i++)
		printf("%u %u %u %u\n", filter[i].code, filter[i].when_true, filter[i].when_false, (unsigned)filter[i].k);
	return 0;
}
