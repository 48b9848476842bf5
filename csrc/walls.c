//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "walls.h"
#include <sys/mount.h>
#include <sys/vfs.h>
#include "idmap.h"
#include "kernel.h"

#define STATE_FOLDER "/run/au/"

// 26. The mount of the agent's unit for the temporary files of all its runs: in memory, with a bound, root's and closed to
// everybody else. -1 where there is none; a folder of the disk has no bound, and is not taken.
int open_state(const struct policy *p)
{
	static char path[sizeof STATE_FOLDER + MAX_NAME];
	int fd = open_beneath(AT_FDCWD, join(path, sizeof path, STATE_FOLDER, p->name), O_RDONLY | O_DIRECTORY, RESOLVE_PLAIN);
	struct statfs fs;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && fstatfs(fd, &fs) == 0 && st.st_uid == 0 && (st.st_mode & 0077) == 0 &&
	    fs.f_type == TMPFS_MAGIC)
		return fd;
	close(fd);
	return -1;
}

// A folder that everybody may write to, as /tmp is, in a folder that root owns.
static int temporary_folder(int state, const char *name)
{
	int fd;

	if (mkdirat(state, name, 0700) != 0 && errno != EEXIST)
		fail("make " STATE_FOLDER ".../", name);
	fd = open_beneath(state, name, O_RDONLY | O_DIRECTORY, RESOLVE_INSIDE);
	if (fd < 0 || fchmod(fd, 01777) != 0)
		fail("open " STATE_FOLDER ".../", name);
	return fd;
}

static void mount_temporary_on(const char *path, int place, int state, const char *name)
{
	int folder, mount;

	if (state < 0) {
		mount = new_mount("tmpfs", PARTS("mode", "1777", "size", "25%", "nr_inodes", "500k"), FLAG_NOSUID | FLAG_NODEV);
	} else {
		folder = temporary_folder(state, name);
		mount = must(clone_tree(folder, 0), "mount on ", path);
		if (add_flags(mount, 0, FLAG_NOSUID | FLAG_NODEV, 0) != 0)
			fail("mount on ", path);
		close(folder);
	}
	attach(mount, place, path);
}

// The run has the mount itself no longer, covered as it may be. A program may look in the list of mounts where else a folder is
// seen, so that its own sandbox shuts it there too. It would find a place that it cannot walk to.
static void leave_state(int state)
{
	if (state >= 0 && (fchdir(state) != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0))
		fail("leave " STATE_FOLDER "...");
	close(state);
}

// 34. /tmp and /var/tmp are the agent's own: the same for all its runs, and kept, where its unit has a place for them (state), else
// the run's; reached by nobody else. One may lead to the other.
void mount_temporary(int state)
{
	int place, tmp;

	mount_temporary_on("/tmp", open_folder("/tmp"), state, "tmp");
	tmp = open_folder("/tmp");
	place = open_folder("/var/tmp");
	if (is_same(place, tmp))
		close(place);
	else
		mount_temporary_on("/var/tmp", place, state, "var-tmp");
	close(tmp);
	leave_state(state);
}

// 36. Only this run's processes, and of those only what the agent may look into.
void mount_proc(void)
{
	const char *const *options = PARTS("hidepid", "invisible");

	attach(new_mount("proc", options, FLAG_NOSUID | FLAG_NODEV | FLAG_NOEXEC), open_folder("/proc"), "/proc");
}

// 35. A runtime folder for this run alone. It also covers the humans' own, with their session buses and agents' sockets.
void mount_runtime(const struct policy *p)
{
	const char *const *options = PARTS("mode", "0755", "size", "10%", "nr_inodes", "65536");
	int mount = new_mount("tmpfs", options, FLAG_NOSUID | FLAG_NODEV);
	char number[NUMBER];

	decimal(number, p->uid);
	if (mkdirat(mount, number, 0700) != 0 || fchownat(mount, number, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) != 0)
		fail("make /run/user/", number);
	attach(mount, open_folder("/run/user"), "/run/user");
}

// Runtime folders are mounted on this.
void make_runtime_place(void)
{
	if (mkdir("/run/user", 0755) != 0 && errno != EEXIST)
		fail("make /run/user");
}

// 17. The id map for seal_run: of one uid and one gid that nobody has; the kernel takes none that is empty.
int map_of_nobody(void)
{
	static struct id_map map;
	struct id_map_maker maker;

	add_ids(&map, FIRST_NOBODY, FIRST_NOBODY, 1);
	start_id_map(&maker);
	if (maker.child < 0)
		return -1;
	return end_id_map(&maker, &map, &map);
}

// A copy of what is at a path, to be put back on it; -1 where there is nothing, or a link, which shows no more than what it leads
// to does.
static int take_shown(const char *path)
{
	int from = open_beneath(AT_FDCWD, path, O_PATH | O_NOFOLLOW, RESOLVE_PLAIN), taken;
	struct stat st;

	if (from < 0 && (errno == ENOENT || errno == ENOTDIR))
		return -1;
	if (from < 0 || fstat(from, &st) != 0)
		fail("show ", path);
	if (S_ISLNK(st.st_mode)) {
		close(from);
		return -1;
	}
	taken = must(clone_tree(from, WITH_SUBMOUNTS), "show ", path);
	close(from);
	return taken;
}

// 27. /run as it is, and as it changes, but with nobody for an owner of anything in it. Nothing there can be written to, made or
// connected to, root's or the agent's, whenever it appears: inode_permission refuses to write where an owner has no id in the
// mount. Mounts below it are not there; the places that the policy shows stay as they are. Says whether that can be: tmpfs has id
// maps
// from Linux 6.3 on, and overlayfs has none.
int seal_run(const struct policy *p, int map)
{
	static int shown[MAX_SHOWS];
	int from, sealed, place;

	if (map < 0)
		return 0;
	from = open_folder("/run");
	sealed = must(clone_tree(from, 0), "copy ", "/run");
	if (add_flags(sealed, 0, FLAG_NOSUID | FLAG_NODEV | FLAG_IDMAP, map) != 0) {
		if (errno != EINVAL && errno != EPERM)
			fail("seal /run");
		close(sealed);
		close(from);
		return 0;
	}
	for (unsigned i = 0; i < p->nshows; i++)
		shown[i] = take_shown(p->shows[i]);
	attach(sealed, from, "/run");
	if (mount(NULL, "/run", NULL, MS_PRIVATE, NULL) != 0)
		fail("leave the machine's /run");
	for (unsigned i = 0; i < p->nshows; i++)
		if (shown[i] >= 0) {
			place = open_beneath(AT_FDCWD, p->shows[i], O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
			attach(shown[i], must(place, "show ", p->shows[i]), p->shows[i]);
		}
	return 1;
}

// Makes the folders of an absolute path below the folder that is open; whether they can be.
int make_way(int folder, const char *path)
{
	static char part[MAX_PATH + 1];

	for (size_t n = 1; path[n - 1] != '\0'; n++) {
		n += strcspn(path + n, "/");
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdirat(folder, part + 1, 0755) != 0 && errno != EEXIST)
			return 0;
	}
	return 1;
}

void make_blanks(struct blanks *b, const char *home)
{
	b->made = new_mount("tmpfs", PARTS("mode", "0700", "size", "4k"), FLAG_NOSUID | FLAG_NOEXEC);
	if (mkdirat(b->made, "folder", 0555) != 0 || mknodat(b->made, "file", S_IFREG, 0) != 0 ||
	    mkdirat(b->made, "way", 0755) != 0)
		fail("make what hides things");
	b->way = open_beneath(b->made, "way", O_PATH, RESOLVE_INSIDE);
	if (!make_way(b->way, home))
		fail("make the way to ", home);
	close(b->way);
}

// From here on they are read-only. They are where the runtime folder will cover them: what is no mount cannot be copied.
void attach_blanks(struct blanks *b)
{
	if (add_flags(b->made, 0, FLAG_RDONLY, 0) != 0)
		fail("make what hides things");
	attach(b->made, open_folder("/run/user"), "/run/user");
	b->folder = open_folder("/run/user/folder");
	b->file = must(open_beneath(AT_FDCWD, "/run/user/file", O_PATH, RESOLVE_PLAIN), "open ", "what hides things");
	b->way = open_folder("/run/user/way");
}

void close_blanks(const struct blanks *b)
{
	close(b->folder);
	close(b->file);
	close(b->way);
}

// Covers a folder by one that holds nothing but the ways that lead through it; whether any does.
int hide_around_ways(const char *path, int place, const struct blanks *b)
{
	int way = open_beneath(b->way, path + 1, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);

	if (way < 0 && errno == ENOENT)
		return 0;
	cover(must(way, "hide ", path), place, path);
	close(way);
	return 1;
}

static void hide(const char *path, const struct blanks *b, const struct policy *p)
{
	struct stat st;
	int place = open_of_machine(path, 0), found = place >= 0 && fstat(place, &st) == 0;

	// A network file system, or a user's own, keeps from the agent whatever it keeps from root.
	if (!found && (errno == EACCES || (place < 0 && (errno == ENOENT || errno == ENOTDIR)))) {
		close(place);
		return;
	}
	if (place < 0 && errno == ELOOP)
		die("hide ", path, ": reached through a symbolic link that is not root's alone",
		    is_declared() ? "" : "; run: au new --agent ", is_declared() ? "" : p->name);
	if (!found)
		fail("hide ", path);
	if (!S_ISDIR(st.st_mode) || !hide_around_ways(path, place, b))
		cover(S_ISDIR(st.st_mode) ? b->folder : b->file, place, path);
}

// 32. Hides the places that the policy names, except those in /run where that is sealed. The home, with the mounts below it, comes
// back where it was.
void hide_all(const struct policy *p, int sealed, const struct blanks *b)
{
	int home = -1, from;

	for (unsigned i = 0; i < p->nhides && home < 0; i++)
		if (is_within(p->home, p->hides[i])) {
			from = open_home_folder(p->home);
			home = must(clone_tree(from, WITH_SUBMOUNTS), "copy ", p->home);
			close(from);
		}
	for (unsigned i = 0; i < p->nhides; i++)
		if (!sealed || !is_within(p->hides[i], "/run"))
			hide(p->hides[i], b, p);
	if (home >= 0)
		attach(home, open_home_folder(p->home), p->home);
}

enum { MAX_STRAYS = 256 };

// The file systems that are the kernel's own: what a run needs of each is in one folder.
static const struct kernels {
	const char *type, *folder;
	uint32_t magic;
} kernels[] = {
	{ "proc", "/proc", PROC_MAGIC }, { "binfmt_misc", "/proc", BINFMT_MAGIC },
	{ "devtmpfs", "/dev", TMPFS_MAGIC }, { "devpts", "/dev", DEVPTS_MAGIC }, { "mqueue", "/dev", MQUEUE_MAGIC },
	{ "sysfs", "/sys", SYSFS_MAGIC }, { "cgroup", "/sys", CGROUP_MAGIC }, { "cgroup2", "/sys", CGROUP2_MAGIC },
	{ "debugfs", "/sys", DEBUGFS_MAGIC }, { "tracefs", "/sys", TRACEFS_MAGIC }, { "securityfs", "/sys", SECURITYFS_MAGIC },
	{ "configfs", "/sys", CONFIGFS_MAGIC }, { "bpf", "/sys", BPF_MAGIC }, { "pstore", "/sys", PSTORE_MAGIC },
	{ "efivarfs", "/sys", EFIVARFS_MAGIC }, { "fusectl", "/sys", FUSECTL_MAGIC }, { "selinuxfs", "/sys", SELINUXFS_MAGIC },
};

static const struct kernels *kernels_own(const char *type)
{
	for (size_t i = 0; i < LENGTH(kernels); i++)
		if (is(type, kernels[i].type))
			return &kernels[i];
	return NULL;
}

// Whether a kernel file system is mounted where a run has no use for it: in /sys all but the cgroups, and elsewhere, in
// some chroot, what shows the machine's processes, devices, terminals and message queues.
int is_stray(const char *place, const char *type)
{
	const struct kernels *own = kernels_own(type);

	if (is_within(place, "/sys"))
		return !is(place, "/sys") && !is_within(place, "/sys/fs/cgroup");
	return own != NULL && !is_within(place, own->folder);
}

// The present file at a place that is_stray names: -1 where it cannot be seen, or is something else.
static int open_stray(const char *place, const char *type)
{
	const struct kernels *own = kernels_own(type);
	int fd = open_beneath(AT_FDCWD, place, O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) != 0)
		fail("hide ", place);
	if (!is_within(place, "/sys") && own != NULL && own->magic != (uint32_t)fs.f_type) {
		close(fd);
		return -1;
	}
	return fd;
}

// Opens what is_stray names of all that is mounted, but for what is below the one before, which is covered with it; says how many.
static unsigned find_strays(int strays[MAX_STRAYS])
{
	static struct mounts all;
	static char above[MAX_PATH + 1];
	const char *place, *type;
	unsigned n = 0;

	read_mounts(&all);
	while (next_mount(&all, &place, &type)) {
		if (!is_stray(place, type) || (n > 0 && is_within(place, above)))
			continue;
		if (n == MAX_STRAYS)
			die("more than 256 mounts of /proc, /dev, /sys or the like elsewhere: want fewer chroots");
		strays[n] = open_stray(place, type);
		if (strays[n] < 0)
			continue;
		join(above, sizeof above, place);
		n++;
	}
	return n;
}

// 30. Before anything is covered: a place that cannot be reached any more needs no cover. A later copy has the covers in it.
void hide_strays(const struct blanks *b)
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
