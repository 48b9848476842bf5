// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a run sees of the machine, built by pid 1 of the run as root in a mount namespace of its own.
 *
 * Mounts are made as file descriptors and attached fd to fd: no path is looked up twice.
 */
#include <sched.h>
#include <sys/mount.h>

enum {
	FSCONFIG_STRING = 1,
	FSCONFIG_CREATE = 6,
	FSMOUNT_CLOSE_ON_EXEC = 1,
	FSOPEN_CLOSE_ON_EXEC = 1,
	FLAG_RDONLY = 0x1,
	FLAG_NOSUID = 0x2,
	FLAG_NODEV = 0x4,
	FLAG_NOEXEC = 0x8,
	MOVE_FD_TO_FD = 0x4 | 0x40,
};

/* A new, unattached mount of a kernel file system; options are KEY, VALUE, KEY, VALUE, ..., NULL. */
static int new_mount(const char *type, const char *const *options, unsigned flags)
{
	int context = (int)syscall(NR_FSOPEN, type, FSOPEN_CLOSE_ON_EXEC);
	int fd;

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

static void attach(int mount, int folder, const char *name)
{
	if (syscall(NR_MOVE_MOUNT, mount, "", folder, "", MOVE_FD_TO_FD) != 0)
		fail("mount on ", name);
	close(mount);
	close(folder);
}

static int open_folder(const char *path)
{
	int fd = open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_PLAIN);

	if (fd < 0)
		fail("open ", path);
	return fd;
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
	if (mkdir("/run/user", 0755) != 0 && errno != EEXIST)
		fail("make /run/user");
	attach(mount, open_folder("/run/user"), "/run/user");
}

/* 9, 13, 16. What the human mounts or unmounts later still reaches the run; nothing goes the other way. */
static void build_walls(const struct policy *p)
{
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		fail("leave the machine's mounts");
	mount_runtime(p);
	mount_proc();
}
