// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a run sees of the machine, built by pid 1 of the run as root in a mount namespace of its own.
 *
 * Mounts are made as file descriptors and attached fd to fd: no path is looked up twice, and none of the agent's is
 * looked up with root's rights.
 */
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

enum {
	FSCONFIG_STRING = 1,
	FSCONFIG_CREATE = 6,
	FSMOUNT_CLOSE_ON_EXEC = 1,
	FSOPEN_CLOSE_ON_EXEC = 1,
	TREE_CLONE = 1 | O_CLOEXEC | 0x1000 /* AT_EMPTY_PATH */,
	WITH_SUBMOUNTS = 0x8000 /* AT_RECURSIVE */,
	ON_ITSELF = 0x1000 /* AT_EMPTY_PATH */,
	MOVE_FD_TO_FD = 0x4 | 0x40,
	FLAG_RDONLY = 0x1,
	FLAG_NOSUID = 0x2,
	FLAG_NODEV = 0x4,
	FLAG_NOEXEC = 0x8,
	FLAG_IDMAP = 0x100000,
};

/* What mount_setattr takes; userns counts with FLAG_IDMAP alone. */
struct mount_flags {
	uint64_t set, clear, propagation, userns;
};

/* A new, unattached mount of a kernel file system; options are KEY, VALUE, KEY, VALUE, ..., NULL. -1 where the kernel has none. */
static int new_mount(const char *type, const char *const *options, unsigned flags)
{
	int context = (int)syscall(NR_FSOPEN, type, FSOPEN_CLOSE_ON_EXEC);
	int fd;

	if (context < 0 && errno == ENODEV)
		return -1;
	for (; *options != NULL; options += 2)
		if (syscall(NR_FSCONFIG, context, FSCONFIG_STRING, options[0], options[1], 0) != 0)
			fail("mount ", type, ": ", options[0]);
	if (syscall(NR_FSCONFIG, context, FSCONFIG_CREATE, NULL, NULL, 0) != 0)
		fail("mount ", type);
	fd = (int)syscall(NR_FSMOUNT, context, FSMOUNT_CLOSE_ON_EXEC, flags);
	if (fd < 0)
		fail("mount ", type);
	close(context);
	return fd;
}

/* An unattached copy of what is at fd, as a mount; -1 and errno when there cannot be one. */
static int clone_tree(int fd, unsigned also)
{
	return (int)syscall(NR_OPEN_TREE, fd, "", TREE_CLONE | also);
}

/* Adds flags to a mount, and to those below it with WITH_SUBMOUNTS; flags it already has stay. */
static int add_flags(int mount, unsigned also, uint64_t flags, int userns)
{
	struct mount_flags change = { flags, 0, 0, (uint64_t)userns };
	int result = (int)syscall(NR_MOUNT_SETATTR, mount, "", ON_ITSELF | also, &change, sizeof change);

	if (result != 0 && errno == ENOSYS)
		die("mounts: want Linux 5.12 or newer, and a sandbox around this that knows mount_setattr");
	return result;
}

/* Puts a mount on the folder or file that is open as place; both are closed. */
static void attach(int mount, int place, const char *name)
{
	if (syscall(NR_MOVE_MOUNT, mount, "", place, "", MOVE_FD_TO_FD) != 0)
		fail("mount on ", name);
	close(mount);
	close(place);
}

static int open_folder(const char *path)
{
	int fd = open_of_machine(path, O_DIRECTORY);

	if (fd < 0 && errno == ELOOP)
		die("open ", path, ": want no symbolic link on the way but root's, in folders that only root can write");
	if (fd < 0)
		fail("open ", path);
	return fd;
}

/* The agent's home, through no link at all. */
static int open_home_folder(const char *path)
{
	int fd = open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_PLAIN);

	if (fd < 0)
		fail("open ", path);
	return fd;
}

/* From here on paths are looked up with these ids and without root's powers over files; with 0, with root's again. */
static void take_file_ids(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	if (setfsuid((uid_t)-1) != (int)uid || setfsgid((gid_t)-1) != (int)gid)
		die("could not take the file-system ids of another user");
}

/* This end of the link to the waiter. */
static int waiter_link = -1;

/*
 * The same in the run, where a change of ids also forgets that this process dies with the waiter: that is said again. Of one that
 * had gone before there is no signal, and what is opened next may never answer.
 */
static void look_as(uid_t uid, gid_t gid)
{
	struct pollfd hangup = { waiter_link, 0, 0 };

	take_file_ids(uid, gid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&hangup, 1, 0) != 0)
		_exit(REFUSED);
}

enum { TMPFS_MAGIC = 0x01021994 };

#define STATE_FOLDER "/run/au/"

/*
 * What the agent's unit has mounted for the temporary files of all its runs: in memory, with a bound, root's and closed to
 * everybody else. -1 where there is none; a folder of the disk has no bound, and is not taken.
 */
static int open_state(const struct policy *p)
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

/* A folder that everybody may write to, as /tmp is, in a folder of root's. */
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
	static const char *const options[] = { "mode", "1777", "size", "25%", "nr_inodes", "500k", NULL };
	int folder, mount;

	if (state < 0) {
		attach(new_mount("tmpfs", options, FLAG_NOSUID | FLAG_NODEV), place, path);
		return;
	}
	folder = temporary_folder(state, name);
	mount = clone_tree(folder, 0);
	if (mount < 0 || add_flags(mount, 0, FLAG_NOSUID | FLAG_NODEV, 0) != 0)
		fail("mount on ", path);
	attach(mount, place, path);
	close(folder);
}

/*
 * /tmp and /var/tmp are the agent's own: the same for all its runs, and kept, where its unit has a place for them (state),
 * else the run's; reached by nobody else. One may lead to the other.
 */
static void mount_temporary(int state)
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
	close(state);
}

/* Only this run's processes, and of those only what the agent may look into. */
static void mount_proc(void)
{
	static const char *const options[] = { "hidepid", "invisible", NULL };

	attach(new_mount("proc", options, FLAG_NOSUID | FLAG_NODEV | FLAG_NOEXEC), open_folder("/proc"), "/proc");
}

/* A runtime folder for this run alone. It also covers the humans' own, with their session buses and agents' sockets. */
static void mount_runtime(const struct policy *p)
{
	static const char *const options[] = { "mode", "0755", "size", "10%", "nr_inodes", "65536", NULL };
	int mount = new_mount("tmpfs", options, FLAG_NOSUID | FLAG_NODEV);
	char number[NUMBER];

	decimal(number, p->uid);
	if (mkdirat(mount, number, 0700) != 0 || fchownat(mount, number, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) != 0)
		fail("make /run/user/", number);
	attach(mount, open_folder("/run/user"), "/run/user");
}

/* What runtime folders are mounted on. */
static void make_runtime_place(void)
{
	if (mkdir("/run/user", 0755) != 0 && errno != EEXIST)
		fail("make /run/user");
}

/* The id map for seal_run: of one uid and one gid that nobody has; the kernel takes none that is empty. */
static int map_of_nobody(void)
{
	static struct id_map map;
	struct id_map_maker maker;

	add_ids(&map, FIRST_NOBODY, FIRST_NOBODY, 1);
	start_id_map(&maker);
	if (maker.child < 0)
		return -1;
	write_map(&maker, "uid_map", &map);
	write_map(&maker, "gid_map", &map);
	return end_id_map(&maker);
}

/* A copy of what is at a path, to be put back on it; -1 where there is nothing, or a link, which shows no more than what it leads to does. */
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
	taken = clone_tree(from, WITH_SUBMOUNTS);
	if (taken < 0)
		fail("show ", path);
	close(from);
	return taken;
}

/*
 * /run as it is, and as it changes, but with nobody for an owner of anything in it: there nothing can be written to, made
 * or connected to, root's or the agent's, and whenever it appears (inode_permission refuses to write where an owner has no
 * id in the mount). What is mounted below it is not there; what the policy shows stays as it is. Says whether that can be:
 * tmpfs has id maps from Linux 6.3 on, and overlayfs has none.
 */
static int seal_run(const struct policy *p, int map)
{
	static int shown[MAX_SHOWS];
	int from, sealed, place;

	if (map < 0)
		return 0;
	from = open_folder("/run");
	sealed = clone_tree(from, 0);
	if (sealed < 0)
		fail("copy /run");
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
	for (unsigned i = 0; i < p->nshows; i++) {
		if (shown[i] < 0)
			continue;
		place = open_beneath(AT_FDCWD, p->shows[i], O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
		if (place < 0)
			fail("show ", p->shows[i]);
		attach(shown[i], place, p->shows[i]);
	}
	return 1;
}

/*
 * One small file system has all that takes the place of something else, because to make one costs more than all that is
 * in it: an empty folder, an empty file, the folders that lead to the home, and what devices.h makes.
 */
struct blanks {
	int made; /* the mount, until attach_blanks */
	int folder, file, way;
};

/* Makes the folders of an absolute path below the folder that is open. */
static void make_way(int folder, const char *path)
{
	static char part[MAX_PATH + 1];

	for (size_t n = 1; path[n - 1] != '\0'; n++) {
		n += strcspn(path + n, "/");
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdirat(folder, part + 1, 0755) != 0)
			fail("make the way to ", path);
	}
}

static void make_blanks(struct blanks *b, const char *home)
{
	static const char *const options[] = { "mode", "0700", "size", "4k", NULL };

	b->made = new_mount("tmpfs", options, FLAG_NOSUID | FLAG_NOEXEC);
	if (mkdirat(b->made, "folder", 0555) != 0 || mknodat(b->made, "file", S_IFREG, 0) != 0 ||
	    mkdirat(b->made, "way", 0755) != 0)
		fail("make what hides things");
	b->way = open_beneath(b->made, "way", O_PATH, RESOLVE_INSIDE);
	make_way(b->way, home);
	close(b->way);
}

/* From here on they are read-only. They stand where the runtime folder will cover them: what is no mount cannot be copied. */
static void attach_blanks(struct blanks *b)
{
	if (add_flags(b->made, 0, FLAG_RDONLY, 0) != 0)
		fail("make what hides things");
	attach(b->made, open_folder("/run/user"), "/run/user");
	b->folder = open_folder("/run/user/folder");
	b->file = open_beneath(AT_FDCWD, "/run/user/file", O_PATH, RESOLVE_PLAIN);
	b->way = open_folder("/run/user/way");
	if (b->file < 0)
		fail("open what hides things");
}

static void close_blanks(const struct blanks *b)
{
	close(b->folder);
	close(b->file);
	close(b->way);
}

/* Puts a copy of a blank on a place. */
static void cover(int blank, int place, const char *path)
{
	int mount = clone_tree(blank, 0);

	if (mount < 0)
		fail("hide ", path);
	attach(mount, place, path);
}

/* Covers a folder above the home by one that holds nothing but the way to it. */
static void hide_around_home(const char *path, int place, const struct blanks *b)
{
	int way = open_beneath(b->way, path + 1, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);

	if (way < 0)
		fail("hide ", path);
	cover(way, place, path);
	close(way);
}

static void hide(const char *path, const struct blanks *b, const struct policy *p)
{
	int place = open_of_machine(path, 0);
	struct stat st;

	/* What a file system of the network's, or of a user's own, keeps from root, it keeps from the agent. */
	if (place < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return;
	if (place >= 0 && fstat(place, &st) != 0 && errno == EACCES) {
		close(place);
		return;
	}
	if (place < 0 && errno == ELOOP)
		die("hide ", path, ": reached through a symbolic link that is not root's alone; run: au new --agent ", p->name);
	if (place < 0 || fstat(place, &st) != 0)
		fail("hide ", path);
	if (S_ISDIR(st.st_mode) && is_within(p->home, path))
		hide_around_home(path, place, b);
	else
		cover(S_ISDIR(st.st_mode) ? b->folder : b->file, place, path);
}

/*
 * Hides what the policy says, but for what is in /run where that is sealed; the home, and what is mounted below it, comes
 * back where it was.
 */
static void hide_all(const struct policy *p, int sealed, const struct blanks *b)
{
	int home = -1, from;

	for (unsigned i = 0; i < p->nhides && home < 0; i++)
		if (is_within(p->home, p->hides[i])) {
			from = open_home_folder(p->home);
			home = clone_tree(from, WITH_SUBMOUNTS);
			if (home < 0)
				fail("copy ", p->home);
			close(from);
		}
	for (unsigned i = 0; i < p->nhides; i++)
		if (!sealed || !is_within(p->hides[i], "/run"))
			hide(p->hides[i], b, p);
	if (home >= 0)
		attach(home, open_home_folder(p->home), p->home);
}
