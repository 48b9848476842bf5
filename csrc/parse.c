//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "parse.h"

int is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

// Copies of NAME are in paths and in log lines: ^[a-z_][a-z0-9_-]{0,24}$ and nothing else.
int is_name(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++) {
		int letter = (s[n] >= 'a' && s[n] <= 'z') || s[n] == '_';
		int later = (s[n] >= '0' && s[n] <= '9') || s[n] == '-';

		if (n >= MAX_NAME || !(letter || (n > 0 && later)))
			return 0;
	}
	return n > 0;
}

// No empty component, no "." and no "..", no slash at either end.
int is_clean_relative(const char *s)
{
	if (strlen(s) > MAX_PATH)
		return 0;
	for (;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || n > MAX_COMPONENT || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return 0;
		if (s[n] == '\0')
			return 1;
		s += n + 1;
	}
}

int is_clean_absolute(const char *s)
{
	return s[0] == '/' && strlen(s) <= MAX_PATH && is_clean_relative(s + 1);
}

static int is_hex(const char *s, size_t digits)
{
	return strlen(s) == digits && strspn(s, "0123456789abcdef") == digits;
}

static int is_tag(const char *s)
{
	return is_hex(s, 16);
}

static int is_sha256(const char *s)
{
	return is_hex(s, 64);
}

// A PATH: clean absolute folders between single colons.
static int is_search_path(const char *s)
{
	for (;;) {
		static char folder[MAX_PATH + 1];
		size_t n = strcspn(s, ":");

		if (n > MAX_PATH)
			return 0;
		memcpy(folder, s, n);
		folder[n] = '\0';
		if (!is_clean_absolute(folder))
			return 0;
		if (s[n] == '\0')
			return 1;
		s += n + 1;
	}
}

// A decimal id from least up to 2^32-2, without sign or leading zero; 2^32-1 means "no change" to setresuid.
static int parse_id(const char *s, uint32_t least, uint32_t *id)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] < '0' || s[i] > '9' || i >= 10)
			return 0;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (i == 0 || s[0] == '0' || n < least || n >= UINT32_MAX)
		return 0;
	*id = (uint32_t)n;
	return 1;
}

static const char *one_string(const char **slot, const char *value, int (*valid)(const char *), const char *want)
{
	if (*slot != NULL)
		return "is given twice";
	if (!valid(value))
		return want;
	*slot = value;
	return NULL;
}

static const char *one_id(uint32_t *slot, const char *value, uint32_t least, const char *want)
{
	if (*slot != 0)
		return "is given twice";
	return parse_id(value, least, slot) ? NULL : want;
}

const char *one_more(const char **slots, unsigned *n, unsigned max, const char *value, int (*valid)(const char *),
		     const char *want)
{
	if (*n == max)
		return "is given too many times";
	if (!valid(value))
		return want;
	slots[(*n)++] = value;
	return NULL;
}

// VALUE is "UID NAME"; NAME is for the log alone.
static const char *parse_human(struct policy *p, char *value)
{
	char *space = strchr(value, ' ');
	size_t n;

	if (p->nhumans == MAX_HUMANS)
		return "is given too many times";
	if (space == NULL)
		return "want a uid, a space and a name";
	*space = '\0';
	n = strlen(space + 1);
	if (n == 0 || n > MAX_HUMAN || strpbrk(space + 1, " \"") != NULL)
		return "want a name of 1 to 255 characters without spaces or quotes";
	if (!parse_id(value, 1, &p->humans[p->nhumans].uid))
		return "want a uid above 0";
	p->humans[p->nhumans++].name = space + 1;
	return NULL;
}

static const char *parse_group(struct policy *p, const char *value)
{
	if (p->ngroups == MAX_GROUPS)
		return "is given too many times";
	if (!parse_id(value, 1, &p->groups[p->ngroups]))
		return "want a gid above 0";
	p->ngroups++;
	return NULL;
}

// The words of allow lines, and their bits.
static const struct {
	const char *word;
	unsigned bit;
} switches[] = {
	{ "setuid", ALLOW_SETUID }, { "userns", ALLOW_USERNS }, { "i386", ALLOW_I386 }, { "devices", ALLOW_DEVICES },
	{ "docker", 0 }, { "nix", 0 }, { "resolver", 0 }, { "sysbus", 0 }, { "services", 0 },
};

static const char *parse_allow(struct policy *p, const char *value)
{
	if (p->nallows == MAX_ALLOWS)
		return "is given too many times";
	for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
		if (is(value, switches[i].word)) {
			p->allowed |= switches[i].bit;
			p->allows[p->nallows++] = value;
			return NULL;
		}
	return "is not a switch that is known";
}

// Whether path is below folder, or folder itself.
int is_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int is_in_run(const char *s)
{
	return is_clean_absolute(s) && is_within(s, "/run") && !is(s, "/run");
}

static const char *parse_key(struct policy *p, const char *key, char *value)
{
	if (is(key, "name"))
		return one_string(&p->name, value, is_name, "want ^[a-z_][a-z0-9_-]{0,24}$");
	if (is(key, "uid"))
		return one_id(&p->uid, value, 1000, "want a uid of 1000 or above");
	if (is(key, "gid"))
		return one_id(&p->gid, value, 1, "want a gid above 0");
	if (is(key, "group"))
		return one_id(&p->group, value, 1, "want a gid above 0");
	if (is(key, "home"))
		return one_string(&p->home, value, is_clean_absolute, "want a clean absolute path");
	if (is(key, "shell"))
		return one_string(&p->shell, value, is_clean_absolute, "want a clean absolute path");
	if (is(key, "tag"))
		return one_string(&p->tag, value, is_tag, "want 16 hex digits");
	if (is(key, "path"))
		return one_string(&p->path, value, is_search_path, "want clean absolute paths between colons");
	if (is(key, "enter-uid"))
		return parse_human(p, value);
	if (is(key, "enter-gid"))
		return parse_group(p, value);
	if (is(key, "sha256"))
		return one_string(&p->sha256, value, is_sha256, "want 64 hex digits");
	if (is(key, "cgroup"))
		return one_more(p->cgroups, &p->ncgroups, MAX_CGROUPS, value, is_clean_relative,
				"want a clean path below /sys/fs/cgroup");
	if (is(key, "hide"))
		return one_more(p->hides, &p->nhides, MAX_HIDES, value, is_clean_absolute, "want a clean absolute path");
	if (is(key, "show"))
		return one_more(p->shows, &p->nshows, MAX_SHOWS, value, is_in_run, "want a clean path below /run");
	if (is(key, "allow"))
		return parse_allow(p, value);
	return "is not a key that is known";
}

// The checks of the whole: everything mandatory is there, and no line contradicts another.
static struct fault check_whole(const struct policy *p)
{
	const char *missing = p->name == NULL ? "name" : p->uid == 0 ? "uid" : p->gid == 0 ? "gid" : p->group == 0 ? "group" :
		p->home == NULL ? "home" : p->shell == NULL ? "shell" : p->tag == NULL ? "tag" : NULL;
	struct fault f = { 0, NULL, NULL };

	if (missing != NULL)
		return (struct fault){ 0, missing, "is missing" };
	for (unsigned i = 0; i < p->nhumans; i++)
		if (p->humans[i].uid == p->uid)
			f = (struct fault){ 0, "enter-uid", "is the agent itself" };
	for (unsigned i = 0; i < p->ngroups; i++)
		if (p->groups[i] == p->gid)
			f = (struct fault){ 0, "enter-gid", "is the agent's own group" };
	for (unsigned i = 0; i < p->nhides; i++)
		if (is_within(p->hides[i], p->home))
			f = (struct fault){ 0, "hide", "is the agent's home or in it" };
	return f;
}

// Only whole lines of printable ASCII, so that nothing in a policy can hide from whoever reads it.
static int check_bytes(const char *text, size_t n, struct fault *f)
{
	f->line = 1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~')) {
			f->want = "want printable ASCII";
			return 0;
		}
		f->line += text[i] == '\n';
	}
	if (n == 0 || text[n - 1] != '\n') {
		f->want = "want a newline at the end";
		return 0;
	}
	return 1;
}

// Whether the first line is of a later version than those known here; 9 digits, as internal/newer has it.
static int is_later(const char *line)
{
	static const char header[] = "au-policy ";
	const char *digits = line + sizeof header - 1;
	size_t n;

	if (strncmp(line, header, sizeof header - 1) != 0)
		return 0;
	n = strspn(digits, "0123456789");
	return digits[n] == '\0' && n > 0 && n <= 9 && digits[0] != '0' && (n > 1 || digits[0] > '2');
}

// Reads the n bytes of text, which are changed and must outlive p; text[n] must be writable.
struct fault parse_policy(struct policy *p, char *text, size_t n)
{
	struct fault f = { 0, NULL, NULL };
	char *line = text;

	memset(p, 0, sizeof *p);
	if (!check_bytes(text, n, &f))
		return f;
	text[n] = '\0';
	for (f.line = 1; *line != '\0' && f.want == NULL; f.line++) {
		char *end = line + strcspn(line, "\n");
		char *space;

		*end = '\0';
		space = strchr(line, ' ');
		if (f.line == 1) {
			p->version = is(line, "au-policy 1") ? 1 : is(line, "au-policy 2") ? 2 : 0;
			f.key = is_later(line) ? line : NULL;
			f.want = p->version > 0 ? NULL :
				 f.key != NULL	? "a newer au than this one wrote it" :
						  "want au-policy 1 or 2";
		} else if (line[0] != '\0' && line[0] != '#') {
			f.key = line;
			if (space == NULL || space[1] == '\0' || space[1] == ' ' || end[-1] == ' ') {
				f.want = "want a key, a space and a value";
			} else {
				*space = '\0';
				f.want = parse_key(p, line, space + 1);
			}
		}
		line = end + 1;
	}
	if (f.want == NULL)
		return check_whole(p);
	f.line--;
	return f;
}

enum { EXPIRY_FIELD = 7, MAX_DAY = 99999999 };

void read_expiry(struct expiry *e, const char *text, size_t n)
{
	for (size_t i = 0; i < n && !e->known; i++) {
		char c = text[i];

		if (c == '\n' && e->field > 0 && !e->other) {
			e->known = 1;
		} else if (c == '\n') {
			*e = (struct expiry){ .name = e->name };
		} else if (c == ':') {
			e->other |= e->field++ == 0 && e->name[e->at] != '\0';
		} else if (e->field == 0) {
			e->other |= c == '\0' || e->name[e->at] != c;
			e->at += !e->other;
		} else if (e->field == EXPIRY_FIELD) {
			e->bad |= c < '0' || c > '9' || e->day > MAX_DAY;
			e->day = e->bad ? 0 : e->day * 10 + (uint32_t)(c - '0');
		}
	}
}
