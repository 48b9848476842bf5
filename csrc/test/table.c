// SPDX-License-Identifier: GPL-3.0-or-later
// Prints the entrypoint's filter as this processor has it, a step a line: code, two jumps, value. It installs nothing, so it runs
// under an emulator, too. Arguments: words a policy would allow.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The entrypoint's calls to the kernel come here; the one that has the program prints it.
static long print_program(long number, ...);

#define syscall print_program
#include "../filter.c"

static long print_program(long number, ...)
{
	va_list rest;

	if (number != SYS_seccomp)
		return 0;
	va_start(rest, number);
	(void)va_arg(rest, int);
	(void)va_arg(rest, int);
	const struct bpf_program *p = va_arg(rest, struct bpf_program *);
	va_end(rest);
	for (unsigned i = 0; i < p->size; i++)
		printf("%u %u %u %u\n", p->steps[i].code, p->steps[i].when_true, p->steps[i].when_false, (unsigned)p->steps[i].k);
	return 0;
}

int main(int argc, char **argv)
{
	int userns = 0, i386 = 0;

	for (int i = 1; i < argc; i++) {
		userns |= strcmp(argv[i], "userns") == 0;
		i386 |= strcmp(argv[i], "i386") == 0;
	}
	return !install_scopes() || !install_filter(userns, i386);
}
