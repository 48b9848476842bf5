//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "mounts.h"
#include "kernel.h"
#include "parse.h"

enum { FSCONFIG_STRING = 1, FSCONFIG_CREATE = 6, FSMOUNT_CLOSE_ON_EXEC = 1, FSOPEN_CLOSE_ON_EXEC = 1 };
enum { TREE_CLONE = 1 | O_CLOEXEC | AT_EMPTY_PATH, MOVE_FD_TO_FD = 0x4 | 0x40 };

// The argument of mount_setattr; userns counts with FLAG_IDMAP alone.
struct mount_flags {
	uint64_t set, clear, propagation, userns;
};

// A new, unattached mount of a file system; options are KEY, VALUE, KEY, VALUE, ..., NULL. -1 and errno where there cannot be one.
int try_mount(const char *type, const char *const *options, unsigned flags)
{
	int context = (int)syscall(NR_FSOPEN, type, FSOPEN_CLOSE_ON_EXEC), fd = -1, error = 0;

	for (; context >= 0 && error == 0 && *options != NULL; options += 2)
		error = (int)syscall(NR_FSCONFIG, context, FSCONFIG_STRING, options[0], options[1], 0);
	if (context >= 0 && error == 0 && syscall(NR_FSCONFIG, context, FSCONFIG_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(NR_FSMOUNT, context, FSMOUNT_CLOSE_ON_EXEC, flags);
	error = errno;
	close(context);
	errno = error;
	return fd;
}

// The same of a file system that every machine has but for what its kernel was built without: -1 there.
int new_mount(const char *type, const char *const *options, unsigned flags)
{
	int fd = try_mount(type, options, flags);

	return fd < 0 && errno == ENODEV ? -1 : must(fd, "mount ", type);
}

// An unattached copy of what is at fd, as a mount; -1 and errno when there cannot be one.
int clone_tree(int fd, unsigned also)
{
	return (int)syscall(NR_OPEN_TREE, fd, "", TREE_CLONE | also);
}

// Adds flags to a mount, and to those below it with WITH_SUBMOUNTS; flags it already has stay.
int add_flags(int mount, unsigned also, uint64_t flags, int userns)
{
	struct mount_flags change = { flags, 0, 0, (uint64_t)userns };
	int result = (int)syscall(NR_MOUNT_SETATTR, mount, "", AT_EMPTY_PATH | also, &change, sizeof change);

	if (result != 0 && errno == ENOSYS)
		die("mounts: want Linux 5.12 or newer, and a sandbox around this that knows mount_setattr");
	return result;
}

// Puts a mount on the folder or file that is open as place.
void put_on(int mount, int place, const char *name)
{
	if (syscall(NR_MOVE_MOUNT, mount, "", place, "", MOVE_FD_TO_FD) != 0)
		fail("mount on ", name);
}

// The same; both are closed.
void attach(int mount, int place, const char *name)
{
	put_on(mount, place, name);
	close(mount);
	close(place);
}

// Puts a copy of a blank on a place.
void cover(int blank, int place, const char *path)
{
	attach(must(clone_tree(blank, 0), "hide ", path), place, path);
}

// The octal escapes that the kernel writes for space, tab, newline and backslash.
static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

void read_mounts(struct mounts *m)
{
	m->fd = must(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC), "open ", "/proc/self/mounts");
	m->from = m->to = 0;
}

// The next line, without its end; NULL after the last.
static char *next_line(struct mounts *m)
{
	for (;;) {
		char *line = m->text + m->from, *end = memchr(line, '\n', m->to - m->from);
		ssize_t got;

		if (end != NULL) {
			*end = '\0';
			m->from = (size_t)(end + 1 - m->text);
			return line;
		}
		m->to -= m->from;
		m->from = 0;
		memmove(m->text, line, m->to);
		if (m->to == sizeof m->text)
			m->to = 0;
		got = read(m->fd, m->text + m->to, sizeof m->text - m->to);
		if (got < 0)
			fail("read /proc/self/mounts");
		if (got == 0)
			return NULL;
		m->to += (size_t)got;
	}
}

// The next mount: where it is, and what it is. After the last one, 0, and the list is closed.
int next_mount(struct mounts *m, const char **point, const char **type)
{
	char *line, *place = NULL, *kind = NULL;

	while (kind == NULL) {
		line = next_line(m);
		if (line == NULL) {
			close(m->fd);
			return 0;
		}
		place = strchr(line, ' ');
		kind = place ? strchr(place + 1, ' ') : NULL;
	}
	*kind++ = '\0';
	kind[strcspn(kind, " ")] = '\0';
	unescape(++place);
	if (strlen(place) > MAX_PATH)
		place[MAX_PATH] = '\0'; /* not a path that can be opened */
	*point = place;
	*type = kind;
	return 1;
}
