// SPDX-License-Identifier: GPL-3.0-or-later
// The common part of the harnesses for CBMC. A harness calls real code of the entrypoint with every input there is up to a bound.
#include <stddef.h>

#define CHECK(what) __CPROVER_assert(what, #what)
#define SUPPOSE(what) __CPROVER_assume(what)

int nondet_int(void);
unsigned nondet_unsigned(void);
size_t nondet_size(void);

// Makes any string of the size of an array that nobody has written to: to CBMC such an array holds anything.
#define ANY_TEXT(array) ((array)[sizeof(array) - 1] = '\0')

// The C library's, as its standard has them; CBMC has none of its own for these.
static int holds(const char *set, char c)
{
	for (; *set != '\0'; set++)
		if (*set == c)
			return 1;
	return 0;
}

size_t strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] != '\0' && holds(set, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] != '\0' && !holds(set, s[n]))
		n++;
	return n;
}

char *strpbrk(const char *s, const char *set)
{
	s += strcspn(s, set);
	return *s == '\0' ? NULL : (char *)s;
}

// A process that ends itself does nothing more.
void _exit(int status)
{
	(void)status;
	SUPPOSE(0);
	for (;;)
		;
}
