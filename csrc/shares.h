// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The human's folders in a run, as id-mapped mounts: what is the human's on disk is the agent's inside, whatever the
 * modes, and nothing else of the disk is. Sources are opened with the caller's rights, targets with the agent's.
 */
#include <sys/stat.h>
#include <sys/vfs.h>

/*
 * The caller's other groups become groups that nobody is in. Without any number at all, the kernel lets not even its
 * owner write, rename or remove what is in such a group, nor anything be made in such a folder.
 */
static size_t add_other_groups(size_t n, gid_t own)
{
	static gid_t groups[65536]; /* sorted, as the kernel keeps them */
	int ngroups = getgroups(sizeof groups / sizeof *groups, groups);
	uint32_t others = 0;

	for (int i = 0; i < ngroups && others < MAX_OTHER_GROUPS; i++)
		if (groups[i] != own && (i == 0 || groups[i] != groups[i - 1]))
			n = add_line(n, groups[i], FIRST_NOBODY + others++);
	return n;
}

/* 10. What maps one uid and one gid to the agent's. */
static int map_for_shares(uid_t uid, gid_t gid, uid_t to_uid, gid_t to_gid)
{
	struct id_map_maker maker;

	start_id_map(&maker);
	if (maker.child < 0)
		die("map ids: user namespaces are switched off: sysctl user.max_user_namespaces");
	write_map(&maker, "uid_map", add_line(0, uid, to_uid));
	write_map(&maker, "gid_map", add_other_groups(add_line(0, gid, to_gid), gid));
	return end_id_map(&maker);
}

static const char *file_system_name(int fd)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} names[] = {
		{ 0x794c7630, "overlayfs" }, { 0x65735546, "a FUSE file system" }, { 0x01021997, "9p" },
		{ 0x6969, "NFS" },           { 0xff534d42, "CIFS" },               { 0xfe534d42, "SMB" },
		{ 0x2fc12fc1, "ZFS" },       { 0x9123683e, "btrfs" },              { 0x58465342, "XFS" },
		{ 0x9fa0, "proc" },          { 0x62656572, "sysfs" },              { 0x786f4256, "vboxsf" },
		{ 0xef53, "ext4" },          { 0x01021994, "tmpfs" },              { 0x5346544e, "NTFS" },
		{ 0x4d44, "FAT" },           { 0x7366746e, "NTFS" },               { 0x2011bab0, "exFAT" },
		{ 0xf15f, "eCryptfs" },      { 0xf2f52010, "F2FS" },               { 0xca451a4e, "bcachefs" },
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return "its file system";
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].magic == (uint32_t)fs.f_type)
			return names[i].name;
	return "its file system";
}

static _Noreturn void refuse_share(const char *source, int fd)
{
	if (errno == EINVAL)
		die("share ", source, ": ", file_system_name(fd),
		    " (or one mounted below it) cannot be id-mapped; try: au mount add --acl ", source);
	if (errno == EPERM)
		die("share ", source, ": ", file_system_name(fd), " is id-mapped already (systemd-homed?)");
	fail("share ", source);
}

/* 11. The share as an unattached mount. The caller's groups are still this process's; its ids for files are set. */
static int open_share(const struct share *s, uid_t owner, int map)
{
	uint64_t flags = FLAG_NOSUID | FLAG_NODEV;
	struct stat st;
	int fd, mount;

	fd = open_beneath(AT_FDCWD, s->source, O_PATH | O_DIRECTORY, RESOLVE_PLAIN);
	if (fd < 0 || fstat(fd, &st) != 0)
		fail("share ", s->source);
	if (st.st_uid != owner)
		die("share ", s->source, ": want a folder that you own");
	if (!s->writable)
		flags |= FLAG_RDONLY;
	if (!s->by_acl)
		flags |= FLAG_IDMAP;
	mount = clone_tree(fd, WITH_SUBMOUNTS);
	if (mount < 0 || add_flags(mount, WITH_SUBMOUNTS, flags, s->by_acl ? 0 : map) != 0)
		refuse_share(s->source, fd);
	close(fd);
	return mount;
}

/* 12. The folder to mount on, walked from the home as the agent; what is missing is made by the agent. */
static int open_target(int home, const char *target, uid_t agent, uid_t human)
{
	static char part[MAX_PATH + 1];
	int fd = home;

	for (size_t n = 0, from = 0;; from = n + 1) {
		struct stat st;
		int next;

		n = from + strcspn(target + from, "/");
		memcpy(part, target + from, n - from);
		part[n - from] = '\0';
		next = open_beneath(fd, part, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
		if (next < 0 && errno == ENOENT) {
			if (mkdirat(fd, part, 0755) != 0 && errno != EEXIST)
				fail("share target ", target, ": make ", part);
			next = open_beneath(fd, part, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
		}
		if (next < 0 || fstat(next, &st) != 0)
			fail("share target ", target, ": ", part);
		if (st.st_uid != agent && st.st_uid != human)
			die("share target ", target, ": ", part, ": want a folder of the agent's or yours");
		if (fd != home)
			close(fd);
		fd = next;
		if (target[n] == '\0')
			return fd;
	}
}

static int open_home(const struct policy *p)
{
	struct stat st;
	int fd = open_folder(p->home);

	if (fstat(fd, &st) != 0 || st.st_uid != p->uid)
		die("home ", p->home, ": want the agent as its owner");
	return fd;
}
