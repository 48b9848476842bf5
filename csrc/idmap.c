//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "idmap.h"
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include "paths.h"

// Maps n ids from one on; says whether there was room.
int add_ids(struct id_map *m, uint32_t from, uint32_t to, uint32_t n)
{
	static char line[3 * NUMBER + 4], a[NUMBER], b[NUMBER], c[NUMBER];
	size_t size = strlen(join(line, sizeof line, decimal(a, from), " ", decimal(b, to), " ", decimal(c, n), "\n"));

	if (m->lines == MAX_MAP_LINES || m->size + size > MAX_MAP)
		return 0;
	memcpy(m->text + m->size, line, size);
	m->size += size;
	m->lines++;
	return 1;
}

static void write_map(const struct id_map_maker *maker, const char *name, const struct id_map *m)
{
	int fd = openat(maker->proc, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || write(fd, m->text, m->size) != (ssize_t)m->size)
		fail("map ids: ", name);
	close(fd);
}

static int wait_for_end(void *maker)
{
	struct id_map_maker *m = maker;
	char byte;

	close(m->ends[1]);
	_exit(read(m->ends[0], &byte, 1) != 0);
}

// A map to be written. The child uses this process's memory, which halves the time that all of it takes, and does nothing in it.
void start_id_map(struct id_map_maker *m)
{
	static char stack[8192] __attribute__((aligned(16))), path[sizeof "/proc/" + NUMBER], number[NUMBER];

	if (pipe2(m->ends, O_CLOEXEC) != 0)
		fail("map ids: make a pipe");
	m->child = clone(wait_for_end, stack + sizeof stack, CLONE_VM | CLONE_NEWUSER | SIGCHLD, m);
	if (m->child > 0) {
		join(path, sizeof path, "/proc/", decimal(number, (uint32_t)m->child));
		m->proc = must(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), "map ids: open ", path);
	} else if (errno == ENOSPC) {
		close(m->ends[0]);
		close(m->ends[1]);
	} else {
		fail("map ids: make a user namespace");
	}
}

// The map, with what is in it.
int end_id_map(struct id_map_maker *m, const struct id_map *uids, const struct id_map *gids)
{
	int made;

	write_map(m, "uid_map", uids);
	write_map(m, "gid_map", gids);
	made = must(openat(m->proc, "ns/user", O_RDONLY | O_CLOEXEC), "map ids: ", "open the user namespace");
	close(m->proc);
	close(m->ends[0]);
	close(m->ends[1]);
	waitpid(m->child, NULL, 0);
	return made;
}
