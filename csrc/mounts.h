// SPDX-License-Identifier: GPL-3.0-or-later
/* What is mounted, as the kernel lists it. */

/*
 * The lines of /proc/self/mounts, which costs half of what mountinfo does. One that does not fit comes in pieces: whoever
 * asks must look at what is at a place before it does anything there.
 */
struct mounts {
	int fd;
	size_t from, to;
	char text[65536];
};

/* The octal escapes that the kernel writes for space, tab, newline and backslash. */
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

static void read_mounts(struct mounts *m)
{
	m->fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	m->from = m->to = 0;
	if (m->fd < 0)
		fail("open /proc/self/mounts");
}

/* The next line, without its end; NULL after the last. */
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

/* The next mount: where it is, and what it is. After the last one, 0, and the list is closed. */
static int next_mount(struct mounts *m, const char **point, const char **type)
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
