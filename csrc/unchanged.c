//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "unchanged.h"
#include <dirent.h>
#include <sys/statfs.h>
#include "intake.h"
#include "kernel.h"
#include "paths.h"

enum { MOST_FILES = 4000, DEEPEST = 24, TICKS = 100 /* ms */, LOOK_TIME = 1 /* s */, RESOLVE_NO_XDEV = 0x01 };

struct look {
	struct timespec since;
	unsigned files;
};

// When the run begins, by the clock of files, which has ticks and can be set, and by one that nobody sets.
void note_start(struct run *run)
{
	if (clock_gettime(CLOCK_REALTIME_COARSE, &run->since) != 0 || clock_gettime(CLOCK_BOOTTIME, &run->booted) != 0)
		fail("read the clocks");
}

// Where the caller has seen that disks of this machine are all that a look at the shares can reach (AU_AFTER_IF=changed), that
// holds while nothing is mounted or unmounted.
void watch_mounts(struct run *run)
{
	const char *when = find_variable("AU_AFTER_IF", environ);

	if (when != NULL && is(when, "changed"))
		run->mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
}

static int64_t milliseconds(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1000 + (to->tv_nsec - from->tv_nsec) / 1000000;
}

// Whether a file's times say when it changed: the clock was not set meanwhile.
static int clock_was_kept(const struct run *run)
{
	struct timespec now, up;
	int64_t off;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0 || clock_gettime(CLOCK_BOOTTIME, &up) != 0)
		return 0;
	off = milliseconds(&run->since, &now) - milliseconds(&run->booted, &up);
	return off > -TICKS && off < TICKS;
}

// A file system with times of whole seconds, or of two, gives a change an earlier one.
static int is_before(const struct timespec *t, const struct timespec *since)
{
	if (t->tv_nsec == 0)
		return t->tv_sec + 2 <= since->tv_sec;
	return t->tv_sec < since->tv_sec || (t->tv_sec == since->tv_sec && t->tv_nsec < since->tv_nsec);
}

// Whether a file there gets a new ctime by whatever changes it, as on the disks of this machine. In memory it does not when it is
// written by a mapping that has been read before (Linux, mm/memory.c, do_read_fault), nor in an overlay on that. Elsewhere it may
// get one long afterwards. KeepsTimes in internal/tree says the same.
static int keeps_times(int fd)
{
	static const uint32_t disks[] = { EXT4_MAGIC, XFS_MAGIC, BTRFS_MAGIC, F2FS_MAGIC, FAT_MAGIC, EXFAT_MAGIC };
	struct statfs on;
	int keeps = 0;

	if (fstatfs(fd, &on) == 0)
		for (unsigned i = 0; i < LENGTH(disks); i++)
			keeps |= (uint32_t)on.f_type == disks[i];
	return keeps;
}

// Whether a file, or all of a folder, is as it was: nobody can set a ctime. Anything else may have changed: where a link leads,
// what is mounted there, and what cannot be read.
static int is_as_it_was(struct look *look, int dir, const char *name, unsigned depth)
{
	_Alignas(struct dirent) char entries[4096];
	const struct dirent *entry;
	struct stat st;
	long n = 0;
	int folder, same = 1;

	if (++look->files > MOST_FILES || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 ||
	    !is_before(&st.st_ctim, &look->since))
		return 0;
	if (S_ISREG(st.st_mode))
		return 1;
	folder = S_ISDIR(st.st_mode) && depth < DEEPEST
			 ? open_beneath(dir, name, O_RDONLY | O_DIRECTORY, RESOLVE_INSIDE | RESOLVE_NO_XDEV)
			 : -1;
	while (folder >= 0 && same && (n = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
		for (const char *at = entries; same && at < entries + n; at += entry->d_reclen) {
			entry = (const struct dirent *)at;
			same = is(entry->d_name, ".") || is(entry->d_name, "..") ||
			       is_as_it_was(look, folder, entry->d_name, depth + 1);
		}
	close(folder);
	return folder >= 0 && same && n == 0;
}

// The human may have changed something after the last look, before the run: it is to be remembered, too. The caller names a file
// that is as old as that look (AU_AFTER_SEEN).
static int begins_with_last_look(struct timespec *since)
{
	const char *seen = find_variable("AU_AFTER_SEEN", environ);
	struct stat st = { 0 };

	if (seen == NULL)
		return 1;
	if (stat(seen, &st) == 0 && st.st_mtim.tv_sec - LOOK_TIME < since->tv_sec)
		*since = (struct timespec){ st.st_mtim.tv_sec - LOOK_TIME, 0 };
	return S_ISREG(st.st_mode);
}

// As the caller. In doubt it says no: then the program that the caller wants after the run looks.
int left_all_as_it_was(const struct run *run)
{
	struct pollfd mounts = { run->mounts, POLLPRI, 0 };
	struct look look = { run->since, 0 };
	int same = run->mounts >= 0 && poll(&mounts, 1, 0) == 0 && clock_was_kept(run) && begins_with_last_look(&look.since);

	for (unsigned i = 0; same && i < run->request.nshares; i++) {
		const struct share *s = &run->request.shares[i];
		int top = s->writable ? open_beneath(AT_FDCWD, s->source, O_PATH | O_DIRECTORY, RESOLVE_PLAIN) : -1;

		same = !s->writable || (s->state == NULL && keeps_times(top) && is_as_it_was(&look, top, ".", 0));
		close(top);
	}
	return same;
}
