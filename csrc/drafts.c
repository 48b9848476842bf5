//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "drafts.h"
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <time.h>
#include "kernel.h"

// Where the layers are attached for as long as the overlay is being made: it takes none that is not attached (before Linux 6.15).
#define PLACE "/run/user"

enum { STILL_OPEN = 1 };
enum { FOR_OTHERS = 077, CAPABILITIES = 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */ };
// CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER and CAP_FSETID; and CAP_SYS_ADMIN, for the overlay's own marks.
enum { OVER_FILES = 0x1f | 1 << 21 };

// The state of a draft, opened as the caller; closed to others, it is the caller's alone. -1 and the reason.
static int open_state_of(struct shares *all, const char *path)
{
	int fd = open_beneath(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, RESOLVE_PLAIN);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & FOR_OTHERS) == 0)
		return fd;
	because(all, "its draft, ", path, ": ", fd < 0 ? error_text(errno) : "want a folder that is closed to others");
	close(fd);
	return -1;
}

// Whether the state is in no share of the run, and none in it: what the agent writes there would go round the draft.
static int is_apart(struct shares *all, const struct request *r, const char *state)
{
	for (unsigned i = 0; i < r->nshares; i++)
		if (is_within(state, r->shares[i].source) || is_within(r->shares[i].source, state)) {
			because(all, "its draft, ", state, ", and the share ", r->shares[i].source, " are one in the other");
			return 0;
		}
	return 1;
}

// The lock of a draft, of which no second one is had while this descriptor is open; -1 and the reason. The kernel refuses no second
// overlay with the same layers, and both would show wrong things. Of a draft that was thrown away meanwhile there is none.
static int lock_state(struct shares *all, int state)
{
	int fd = open_beneath(state, "lock", O_RDWR | O_NOCTTY | O_NONBLOCK, RESOLVE_INSIDE);
	struct stat st;

	if (fd < 0)
		because(all, "the lock of its draft: ", error_text(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		because(all, errno == EWOULDBLOCK ? "its draft is in use, by another run or by au draft" : error_text(errno));
	else if (fstat(fd, &st) != 0 || st.st_nlink == 0)
		because(all, "its draft has just been thrown away");
	else
		return fd;
	close(fd);
	return -1;
}

// Whether the overlay of an earlier run is there still: it lives for as long as somebody has a file or folder of it open, to whom
// that run passed it. The kernel marks the upper folder for as long (ovl_inuse_trylock, Linux 4.13). Where index=on is asked for,
// it refuses with EBUSY, before it looks at the work folder; and as that is the upper folder, too, nothing is ever made or
// written. It notes the refusal in its log.
static int is_mounted(int upper)
{
	static char path[sizeof "/proc/self/fd/" + NUMBER], number[NUMBER];
	int mount;

	join(path, sizeof path, "/proc/self/fd/", decimal(number, (uint32_t)upper));
	mount = try_mount("overlay",
			  PARTS("source", "question", "lowerdir", "/", "upperdir", path, "workdir", path, "index", "on"),
			  FLAG_RDONLY);
	return mount >= 0 || errno == EBUSY;
}

// The same; an overlay that nobody has is gone a moment later.
static int stays_mounted(int upper)
{
	enum { TRIES = 100 };
	const struct timespec moment = { 0, 10000000 };

	for (int i = 0; i < TRIES; i++) {
		if (!is_mounted(upper))
			return 0;
		nanosleep(&moment, NULL);
	}
	return 1;
}

// Where a draft's overlay of an earlier run is there still, that could be changed through the new one, and the other way round.
static int is_closed(struct shares *all, const char *state, int upper)
{
	int free = upper < 0 || !stays_mounted(upper);

	if (!free)
		because(all, "its draft, ", state, ", is still open: an earlier run of it passed a file to another run");
	close(upper);
	return free;
}

// 15. The locks of drafts are taken as the caller, and held until both the waiter and pid 1 have let go: whichever of the two is
// killed, nothing of the run is left when a lock is free.
void lock_drafts(struct shares *all, const struct request *r, const char *home, uid_t caller, gid_t group)
{
	memset(all->mounts, -1, sizeof all->mounts);
	memset(all->locks, -1, sizeof all->locks);
	for (unsigned i = 0; i < r->nshares; i++) {
		int state, upper = -1;

		if (r->shares[i].state == NULL || all->left_out[i])
			continue;
		take_file_ids(caller, group);
		state = open_state_of(all, r->shares[i].state);
		if (state >= 0 && is_apart(all, r, r->shares[i].state))
			all->locks[i] = lock_state(all, state);
		if (all->locks[i] >= 0 && r->shares[i].writable)
			upper = open_beneath(state, "upper", O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
		take_file_ids(0, 0);
		close(state);
		if (all->locks[i] < 0 || !is_closed(all, r->shares[i].state, upper))
			leave_out(all, r, home, i, all->reason);
	}
}

void unlock_drafts(const struct shares *all, const struct request *r)
{
	for (unsigned i = 0; r->nstates > 0 && i < r->nshares; i++)
		close(all->locks[i]);
}

// Says that a draft cannot lie over, or in, what is at the path.
static void because_of_file_system(struct shares *all, const char *path)
{
	static char type[64];
	static struct mounts list;
	const char *point, *kind;
	size_t longest = 0;
	int error = errno;

	read_mounts(&list);
	while (next_mount(&list, &point, &kind))
		if ((is(point, "/") || is_within(path, point)) && strlen(point) >= longest && strlen(kind) < sizeof type) {
			longest = strlen(point);
			join(type, sizeof type, kind);
		}
	because(all, "no draft can be made with ", path, ": its file system, ", type, ", cannot be shown under another owner (",
		error_text(error),
		"); ext4, xfs and btrfs can, and tmpfs from Linux 6.3: use a copy there, or share it without a draft");
}

// A folder without what is mounted in it, which an overlay shows as empty folders, as an unattached mount that is the agent's.
static int map_layer(struct shares *all, const char *path, int fd, uint64_t also, int map)
{
	int mount = clone_tree(fd, 0);

	if (mount >= 0 && add_flags(mount, 0, FLAG_NOSUID | FLAG_NODEV | FLAG_IDMAP | also, map) == 0)
		return mount;
	because_of_file_system(all, path);
	close(mount);
	return -1;
}

// The layers of a share that is a draft, or hides something, as the caller. Returns the folder's own, -1 and the reason where there
// cannot be one.
int open_layers(struct shares *all, const struct request *r, unsigned i, int folder, int map)
{
	const struct share *s = &r->shares[i];
	int state = open_state_of(all, s->state);

	all->layers[i] = state < 0 ? -1 : map_layer(all, s->state, state, 0, map);
	close(state);
	return all->layers[i] < 0 ? -1 : map_layer(all, s->source, folder, FLAG_RDONLY, map);
}

static void take_powers(uint32_t first, uint32_t second)
{
	struct {
		uint32_t version;
		int pid;
	} whose = { CAPABILITIES, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} powers[2];

	if (syscall(SYS_capget, &whose, powers) != 0)
		fail("look at root's powers");
	powers[0].effective = powers[0].permitted & first;
	powers[1].effective = powers[1].permitted & second;
	if (syscall(SYS_capset, &whose, powers) != 0)
		fail("take root's powers");
}

// An overlay works with the powers of whoever mounts it. With more than it needs, an agent could fill what a disk keeps for root,
// and write to a file that keeps its capabilities.
void take_powers_over_files(void)
{
	take_powers(OVER_FILES, 0);
}

void take_every_power(void)
{
	take_powers(~0U, ~0U);
}

// A folder of a draft, open, and the path by which the kernel takes it: no name in it is the human's.
struct layer {
	int fd;
	char path[sizeof "/proc/self/fd/" + NUMBER];
};

static int open_layer(struct shares *all, struct layer *l, const char *state, int layers, const char *name)
{
	static char number[NUMBER];

	l->fd = open_beneath(layers, name, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
	join(l->path, sizeof l->path, "/proc/self/fd/", decimal(number, (uint32_t)l->fd));
	if (l->fd < 0)
		because(all, "its draft, ", state, ": ", name, ": ", error_text(errno));
	return l->fd >= 0;
}

// A folder that was mounted noexec stays so.
static unsigned flags_of(int lower, int layers)
{
	struct statfs a, b;

	if (fstatfs(lower, &a) != 0 || fstatfs(layers, &b) != 0)
		fail("look at the layers of a draft");
	return FLAG_NOSUID | FLAG_NODEV | ((unsigned)(a.f_flags | b.f_flags) & FLAG_NOEXEC);
}

// The overlay over a folder, not attached; -1 and the reason where there cannot be one. Every option that matters is named, as a
// machine may have other defaults.
static int overlay(struct shares *all, const struct share *s, int lower, int layers)
{
	struct layer hide = { -1, "" }, upper = { -1, "" }, work = { -1, "" };
	static char folders[2 * sizeof hide.path], number[NUMBER];
	unsigned flags;
	int mount;

	if ((s->hiding && !open_layer(all, &hide, s->state, layers, "hide")) ||
	    (s->writable && !open_layer(all, &upper, s->state, layers, "upper")) ||
	    (s->writable && !open_layer(all, &work, s->state, layers, "work")))
		return -1;
	join(folders, sizeof folders, hide.path, s->hiding ? ":" : "", "/proc/self/fd/", decimal(number, (uint32_t)lower));
	flags = flags_of(lower, layers);
	if (s->writable)
		mount = try_mount("overlay",
				  PARTS("source", "draft", "lowerdir", folders, "upperdir", upper.path, "workdir", work.path,
					"redirect_dir", "on", "metacopy", "off", "index", "off", "nfs_export", "off", "xino",
					"off"),
				  flags);
	else
		mount = try_mount("overlay",
				  PARTS("source", "hiding", "lowerdir", folders, "redirect_dir", "nofollow", "metacopy", "off",
					"index", "off", "nfs_export", "off", "xino", "off"),
				  flags | FLAG_RDONLY);
	if (mount < 0)
		because(all, "the kernel makes no overlay of it and ", s->state, ": ", error_text(errno),
			" (want Linux 5.19 or newer, and both on ext4, xfs or btrfs, or from 6.3 on tmpfs)");
	close(hide.fd);
	close(upper.fd);
	close(work.fd);
	return mount;
}

// Puts one layer on the place, on what is there already.
static void put_on_place(int mount)
{
	int place = open_folder(PLACE);

	put_on(mount, place, PLACE);
	close(place);
}

static int mount_layers(struct shares *all, const struct share *s, int lower, int layers)
{
	int mount;

	put_on_place(layers);
	put_on_place(lower);
	mount = overlay(all, s, lower, layers);
	if (umount2(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 || umount2(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
		fail("take the layers of a draft away");
	close(layers);
	close(lower);
	return mount;
}

// Whether the kernel has made it, but so that nothing can be written, as it does where it finds no room in the work folder.
static int is_read_only(struct shares *all, const struct share *s, int mount)
{
	struct statfs fs;

	if (!s->writable || (fstatfs(mount, &fs) == 0 && !(fs.f_flags & FLAG_RDONLY)))
		return 0;
	because(all, "nothing can be written to its draft, ", s->state, ": is the disk full?");
	return 1;
}

// 25. With the agent's ids for files, and root's powers over them.
void mount_drafts(struct shares *all, const struct request *r, const char *home)
{
	for (unsigned i = 0; i < r->nshares; i++) {
		const struct share *s = &r->shares[i];

		if (s->state == NULL || all->left_out[i])
			continue;
		all->mounts[i] = mount_layers(all, s, all->mounts[i], all->layers[i]);
		if (all->mounts[i] < 0 || is_read_only(all, s, all->mounts[i]))
			leave_out(all, r, home, i, all->reason);
	}
}

// Writes all of it; a reader that has gone ends this.
static void put(const void *text, size_t n)
{
	for (const char *at = text; n > 0;) {
		ssize_t put = write(1, at, n);

		if (put <= 0)
			fail("write the marks");
		at += put;
		n -= (size_t)put;
	}
}

// One mark of a file, as PATH NUL KIND NUL VALUE NUL; the value in hex.
static void tell_mark(const char *path, const char *file, const char *kind)
{
	static char value[MAX_PATH + 1], hex[2 * sizeof value + 1], name[64];
	ssize_t n = getxattr(file, join(name, sizeof name, "trusted.overlay.", kind), value, sizeof value);

	if (n < 0)
		return;
	for (ssize_t i = 0; i < n; i++) {
		hex[2 * i] = "0123456789abcdef"[(unsigned char)value[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[(unsigned char)value[i] & 15];
	}
	hex[2 * n] = '\0';
	put(path, strlen(path) + 1);
	put(kind, strlen(kind) + 1);
	put(hex, strlen(hex) + 1);
}

// The marks of one file of the caller, opened as the caller; root alone reads them. An empty path is the folder itself.
static void tell_marks_of(int upper, const char *path, uid_t caller)
{
	static const char *const kinds[] = { "opaque", "redirect", "origin" };
	static char file[sizeof "/proc/self/fd/" + NUMBER], number[NUMBER];
	int fd = open_beneath(upper, path[0] == '\0' ? "." : path, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == caller) {
		join(file, sizeof file, "/proc/self/fd/", decimal(number, (uint32_t)fd));
		for (size_t i = 0; i < LENGTH(kinds); i++)
			tell_mark(path, file, kinds[i]);
	}
	close(fd);
}

// 7. Tells what the kernel noted in a draft of each path from standard input that ends in a NUL, relative to the draft's upper
// folder; nothing, where the draft is still open. It is the caller's process still: it can be killed as any other of theirs.
_Noreturn void tell_marks(const char *state, uid_t caller, gid_t group)
{
	static struct shares none;
	static char text[MAX_PATH + 1];
	struct stat out;
	size_t have = 0;
	int folder, upper;
	ssize_t got;

	// Some files of the kernel ask who writes to them, and not who opened them.
	if (fstat(1, &out) != 0 || !S_ISFIFO(out.st_mode))
		die("draft marks: want a pipe as standard output");
	take_file_ids(caller, group);
	folder = open_state_of(&none, state);
	if (folder < 0)
		die(none.reason);
	upper = must(open_beneath(folder, "upper", O_PATH | O_DIRECTORY, RESOLVE_INSIDE), "open the upper folder of ", state);
	if (stays_mounted(upper))
		_exit(STILL_OPEN);
	while ((got = read(0, text + have, sizeof text - have)) > 0) {
		char *from = text, *end;

		have += (size_t)got;
		while ((end = memchr(from, '\0', have - (size_t)(from - text))) != NULL) {
			tell_marks_of(upper, from, caller);
			from = end + 1;
		}
		have -= (size_t)(from - text);
		memmove(text, from, have);
		if (have == sizeof text)
			die("draft marks: want paths of at most 4095 bytes");
	}
	if (got < 0 || have > 0)
		die("draft marks: want paths that end in a NUL on standard input");
	_exit(0);
}
