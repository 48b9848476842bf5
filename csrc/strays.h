// SPDX-License-Identifier: GPL-3.0-or-later
/* File systems of the kernel's that are mounted where a run should not find them. */
#include <sys/vfs.h>

enum { MAX_STRAYS = 256 };

/*
 * Whether a file system of the kernel's is mounted where a run has no use for it: in /sys all but the cgroups, and
 * elsewhere, in some chroot, the machine's processes, terminals and message queues.
 */
static int is_stray(const char *place, const char *type)
{
	if (is_within(place, "/sys"))
		return !is(place, "/sys") && !is_within(place, "/sys/fs/cgroup");
	return (is(type, "proc") && !is_within(place, "/proc")) ||
	       ((is(type, "devpts") || is(type, "mqueue")) && !is_within(place, "/dev"));
}

/* What was found at a place that is_stray names, by now: -1 where it cannot be seen, or is something else. */
static int open_stray(const char *place, const char *type)
{
	static const struct {
		const char *type;
		uint32_t magic;
	} known[] = { { "proc", 0x9fa0 }, { "devpts", 0x1cd1 }, { "mqueue", 0x19800202 } };
	int fd = open_beneath(AT_FDCWD, place, O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) != 0)
		fail("hide ", place);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!is_within(place, "/sys") && is(type, known[i].type) && known[i].magic != (uint32_t)fs.f_type) {
			close(fd);
			return -1;
		}
	return fd;
}

/* Opens what is_stray names of all that is mounted; says how many. */
static unsigned find_strays(int strays[MAX_STRAYS])
{
	static struct mounts all;
	const char *place, *type;
	unsigned n = 0;

	read_mounts(&all);
	while (next_mount(&all, &place, &type)) {
		if (!is_stray(place, type))
			continue;
		if (n == MAX_STRAYS)
			die("more than 256 mounts of /proc, /dev/pts or /dev/mqueue elsewhere: want fewer chroots");
		strays[n] = open_stray(place, type);
		n += strays[n] >= 0;
	}
	return n;
}

/* Before anything is covered: a place that cannot be reached any more needs no cover. What is copied later has the covers in it. */
static void hide_strays(const struct blanks *b)
{
	static int strays[MAX_STRAYS];
	unsigned n = find_strays(strays);

	for (unsigned i = 0; i < n; i++) {
		struct stat st;

		if (fstat(strays[i], &st) != 0)
			fail("hide what is mounted elsewhere");
		cover(S_ISDIR(st.st_mode) ? b->folder : b->file, strays[i], "what is mounted elsewhere");
	}
}
