//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "drafts.h"
#include "idmap.h"
#include "kernel.h"
#include "mounts.h"

// Opens, as who looks, what is to be shared: a folder, as that one which is mounted when somebody looks is, or else a file. A FIFO
// or a device is not opened by it, and nothing is waited for.
int open_source(const char *path)
{
	int fd = open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_PLAIN);

	return fd < 0 && errno == ENOTDIR ? open_beneath(AT_FDCWD, path, O_PATH, RESOLVE_PLAIN) : fd;
}

enum { ASK_NOBODY = 0x4000 /* AT_STATX_DONT_SYNC */, TYPE_UID_AND_INODE = 0x109 /* STATX_TYPE, STATX_UID, STATX_INO */ };
enum { TROUBLE = -1, GONE = -2 };

// Whether the mount at fd alone, without those below it, can be shown under another owner.
static int can_be_mapped(int fd, int map)
{
	int mount = clone_tree(fd, 0);
	int can = mount >= 0 && add_flags(mount, 0, FLAG_IDMAP, map) == 0;

	close(mount);
	return can;
}

// The mount that keeps the folder from being shown under another owner, looked for as the caller.
static void find_what_cannot_be_mapped(struct shares *all, const char *source, int fd, int map, int error)
{
	static struct mounts list;
	const char *point, *type, *how = error == EPERM ? "is shown under another owner already (systemd-homed?)" :
							  "cannot be shown under another owner";
	int whole = can_be_mapped(fd, map), found = 0;
	size_t longest = 0;

	because(all, "its file system ", how);
	read_mounts(&list);
	while (next_mount(&list, &point, &type)) {
		if (found)
			continue;
		if (whole && is_within(point, source) && !is(point, source)) {
			int place = open_beneath(AT_FDCWD, point, O_PATH, RESOLVE_PLAIN);

			found = place >= 0 && !can_be_mapped(place, map);
			close(place);
			if (found)
				because(all, point, ", ", type, ", is mounted in it and ", how,
					": unmount it, or share the folders beside it");
		} else if (!whole && (is(point, "/") || is_within(source, point)) && strlen(point) >= longest) {
			longest = strlen(point);
			if (is(point, source))
				because(all, type, ", mounted on it, ", how, ": unmount it, or see au mount add --acl");
			else
				because(all, "its file system, ", type, ", ", how, ": see au mount add --acl");
		}
	}
}

// Says what is wrong with the file at source: of a mount on it, that it is there.
static void because_it(struct shares *all, const char *source, const char *is_wrong)
{
	static struct mounts list;
	const char *point, *type;

	because(all, is_wrong);
	read_mounts(&list);
	while (next_mount(&list, &point, &type))
		if (is(point, source))
			because(all, type, " is mounted on it: ", is_wrong);
}

// Says why a source was not opened; returns whether what was shared is gone from there.
static int why_not_opened(struct shares *all, const char *source, int error)
{
	int gone = error == ENOENT || error == ELOOP || error == ENOTDIR;

	if (error == ENOENT)
		because(all, "it is not there any more");
	else if (error == ELOOP)
		because(all, "a symbolic link is in its place, or on the way to it");
	else if (gone)
		because(all, error_text(error));
	else
		because_it(all, source, error_text(error));
	return gone;
}

// Only facts that the kernel knows without asking: the server of a network file system may never answer.
int look_at(int fd, struct known *known)
{
	return syscall(SYS_statx, fd, "", AT_EMPTY_PATH | ASK_NOBODY, TYPE_UID_AND_INODE, known) == 0;
}

// Whether what hide_strays covers is mounted in the folder: a copy of the folder has no such covers.
static int holds_strays(struct shares *all, const char *source)
{
	static struct mounts list;
	const char *point, *type;
	int found = 0;

	read_mounts(&list);
	while (next_mount(&list, &point, &type))
		if (is_within(point, source) && is_stray(point, type)) {
			because(all, point, ", ", type,
				", is mounted in it and is the kernel's own: unmount it, or share the folders beside it");
			found = 1;
		}
	return found;
}

// The human's folder as an unattached mount that is the agent's; TROUBLE, and the reason, where it cannot be one.
static int map_share(struct shares *all, const struct share *s, int fd, int map)
{
	uint64_t flags = FLAG_NOSUID | FLAG_NODEV;
	int mount = clone_tree(fd, WITH_SUBMOUNTS);

	if (!s->writable)
		flags |= FLAG_RDONLY;
	if (!s->by_acl)
		flags |= FLAG_IDMAP;
	if (mount >= 0 && s->by_acl && holds_strays(all, s->source)) {
		close(mount);
		return TROUBLE;
	}
	if (mount >= 0 && add_flags(mount, WITH_SUBMOUNTS, flags, s->by_acl ? 0 : map) == 0)
		return mount;
	if (mount >= 0 && !s->by_acl && (errno == EINVAL || errno == EPERM))
		find_what_cannot_be_mapped(all, s->source, fd, map, errno);
	else
		because(all, error_text(errno));
	close(mount);
	return TROUBLE;
}

// The share as an unattached mount; TROUBLE or GONE where it is unavailable, with the reason. The caller's groups are still this
// process's; its ids for files are set.
static int open_share(struct shares *all, const struct request *r, unsigned i, uid_t owner, int map)
{
	const struct share *s = &r->shares[i];
	struct known *source = &all->sources[i];
	static char number[NUMBER], belongs[80];
	int fd = open_source(s->source), mount = TROUBLE;

	if (fd < 0 || !look_at(fd, source)) {
		if (why_not_opened(all, s->source, errno))
			mount = GONE;
	} else if (!S_ISDIR(source->mode) && !S_ISREG(source->mode)) {
		because(all, "want a folder or a regular file");
	} else if (source->uid != owner) {
		join(belongs, sizeof belongs, S_ISDIR(source->mode) ? "want a folder" : "want a file",
		     " that you own, and this one is uid ", decimal(number, source->uid), "'s");
		because_it(all, s->source, belongs);
	} else if (S_ISREG(source->mode) && s->writable) {
		because(all, "a file can be shared read-only, and this share is read-write");
	} else {
		mount = s->state != NULL ? open_layers(all, r, i, fd, map) : map_share(all, s, fd, map);
	}
	close(fd);
	return mount;
}

// A folder in a folder, or the place for a file, made as whoever looks if need be; -1 and errno where there is none.
static int enter_or_make(int folder, const char *name, int file)
{
	int flags = file ? O_PATH : O_PATH | O_DIRECTORY;
	int fd = open_beneath(folder, name, flags, RESOLVE_INSIDE);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if ((file ? mknodat(folder, name, S_IFREG | 0644, 0) : mkdirat(folder, name, 0755)) != 0 && errno != EEXIST)
		return -1;
	return open_beneath(folder, name, flags, RESOLVE_INSIDE);
}

// The folder, or file, to mount on, walked from a folder as the agent; what is missing is made by the agent. TROUBLE where it
// is unavailable, with the reason.
int open_target(struct shares *all, int from_folder, const char *target, const char *name, int file, const struct owners *of)
{
	static char part[MAX_PATH + 1];
	int fd = fcntl(from_folder, F_DUPFD_CLOEXEC, 3);

	for (size_t n = 0, from = 0; target[n] != '\0'; from = n + 1) {
		struct stat st;
		int next, end;

		n = from + strcspn(target + from, "/");
		end = file && target[n] == '\0';
		memcpy(part, target + from, n - from);
		part[n - from] = '\0';
		next = enter_or_make(fd, part, end);
		close(fd);
		fd = next;
		if (fd < 0 || fstat(fd, &st) != 0) {
			because(all, "share target ", name, ": ", part, ": ", error_text(errno));
			close(fd);
			return TROUBLE;
		}
		if ((st.st_uid != of->agent && st.st_uid != of->human) || (end && !S_ISREG(st.st_mode))) {
			because(all, "share target ", target, ": ", part, end ? ": want a file" : ": want a folder",
				" of the agent's or yours");
			close(fd);
			return TROUBLE;
		}
	}
	return fd;
}

static int open_home(const struct policy *p)
{
	struct stat st;
	int fd = open_home_folder(p->home);

	if (fstat(fd, &st) != 0 || st.st_uid != p->uid)
		die("home ", p->home, ": want the agent as its owner");
	return fd;
}

// Whether the agent would see or could write more of outer where inner is not there.
static int narrows(const struct share *inner, const struct share *outer)
{
	size_t source = strlen(outer->source), target = strlen(outer->target);
	int nested = is_within(inner->source, outer->source), below = is_within(inner->target, outer->target);
	int same = nested && below && is(inner->source + source, inner->target + target);

	return (below && !same) || (nested && outer->writable && (!inner->writable || inner->state != NULL)) ||
	       (nested && inner->hiding);
}

// A share that is unavailable is left out, and with it those that it narrows: a folder that was to be read-only or hidden must not
// become writable or seen. Where the run was to have it, or starts in it, there is no run.
void leave_out(struct shares *all, const struct request *r, const char *home, unsigned i, const char *why)
{
	static char target[2 * MAX_PATH];
	const struct share *s = &r->shares[i];

	join(target, sizeof target, home, "/", s->target);
	if (!s->optional || (r->dir != NULL && (is_within(r->dir, target) || (s->same_path && is_within(r->dir, s->source)))))
		die("share ", s->source, ": ", why);
	say("share ", s->source, " is left out of this run: ", why);
	all->left_out[i] = 1;
	close(all->mounts[i]);
	for (unsigned j = 0; j < r->nshares; j++)
		if (!all->left_out[j] && narrows(s, &r->shares[j]))
			leave_out(all, r, home, j, because(all, "it would show more than it should without ", s->source));
}

// The line to paste where a share may be gone for good, for a path that no shell takes for anything else.
static void hint_at_removal(const struct request *r, const char *source)
{
	static const char unquoted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+:,./_-";

	if (is_declared()) // which of them are the configuration's, au knows
		say("hint: au mount list --agent ", r->agent);
	else if (source[strspn(source, unquoted)] == '\0')
		say("hint: au mount remove --agent ", r->agent, " ", source);
}

// 23. As the caller.
void open_shares(struct shares *all, const struct request *r, const char *home, uid_t owner, int map)
{
	memset(all->mounts, -1, sizeof all->mounts);
	for (unsigned i = 0; i < r->nshares; i++) {
		if (all->left_out[i])
			continue;
		all->mounts[i] = open_share(all, r, i, owner, map);
		if (all->mounts[i] < 0)
			leave_out(all, r, home, i, all->reason);
		if (all->mounts[i] == GONE)
			hint_at_removal(r, r->shares[i].source);
	}
}

// The place of a share: in the home, or in the last share before it that holds its target.
static int open_place(struct shares *all, const struct request *r, int home, unsigned i, const struct owners *of)
{
	const char *target = r->shares[i].target;
	int file = S_ISREG(all->sources[i].mode);

	for (unsigned j = i; j-- > 0;) {
		size_t n = strlen(r->shares[j].target);

		if (!all->left_out[j] && is_within(target, r->shares[j].target))
			return open_target(all, all->mounts[j], target + n + (target[n] == '/'), target, file, of);
	}
	return open_target(all, home, target, target, file, of);
}

// Finds all places; whether each share that is not left out has one.
static int all_have_places(struct shares *all, const struct request *r, const struct policy *p, int home, const struct owners *of)
{
	for (unsigned i = 0; i < r->nshares; i++) {
		if (all->left_out[i])
			continue;
		all->places[i] = open_place(all, r, home, i, of);
		if (all->places[i] < 0) {
			leave_out(all, r, p->home, i, all->reason);
			return 0;
		}
	}
	return 1;
}

// 37. Looked for as the agent, and before the first share is attached: one that has no place may take others along when it is left
// out, and with them the places that are in those.
void find_places(struct shares *all, const struct request *r, const struct policy *p, const struct owners *of)
{
	int home = open_home(p);

	memset(all->places, -1, sizeof all->places);
	while (!all_have_places(all, r, p, home, of))
		for (unsigned i = 0; i < r->nshares; i++) {
			close(all->places[i]);
			all->places[i] = -1;
		}
	close(home);
}
