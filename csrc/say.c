//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "say.h"

const char *error_text(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ EPERM, "Operation not permitted" }, { ENOENT, "No such file or directory" }, { EIO, "Input/output error" },
		{ E2BIG, "Argument list too long" }, { ENOEXEC, "Exec format error" }, { ENOMEM, "Cannot allocate memory" },
		{ EAGAIN, "Resource temporarily unavailable" }, { EACCES, "Permission denied" }, { EEXIST, "File exists" },
		{ EBUSY, "Device or resource busy" }, { EXDEV, "Invalid cross-device link" }, { ENODEV, "No such device" },
		{ ENOTDIR, "Not a directory" }, { EISDIR, "Is a directory" }, { EINVAL, "Invalid argument" },
		{ EMFILE, "Too many open files" }, { ENFILE, "Too many open files in system" }, { ETXTBSY, "Text file busy" },
		{ ENOSPC, "No space left on device" }, { EROFS, "Read-only file system" }, { ENAMETOOLONG, "File name too long" },
		{ ENOSYS, "Function not implemented" }, { ELOOP, "reached through a symbolic link" },
		{ ENOTCONN, "the program that served it is gone (Transport endpoint is not connected)" },
		{ ETIMEDOUT, "Connection timed out" }, { EOPNOTSUPP, "Operation not supported" },
		{ EDQUOT, "Disk quota exceeded" }, { ESTALE, "Stale file handle" },
	};

	for (size_t i = 0; i < LENGTH(texts); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "unexpected error";
}

// A text as far as it is known: length counts what fits, and is size once something did not.
struct text {
	char *bytes;
	size_t size, length;
};

static void append_bytes(struct text *to, const char *bytes, size_t n)
{
	size_t room = to->size - to->length;

	if (room == 0)
		return;
	memcpy(to->bytes + to->length, bytes, n < room ? n : room - 1);
	to->length = n < room ? to->length + n : to->size;
	to->bytes[n < room ? to->length : to->size - 1] = '\0';
}

static void append(struct text *to, const char *part)
{
	append_bytes(to, part, strlen(part));
}

// Letters that have a width, and turn nothing round: of what Unicode calls printable, enough for names.
static const struct {
	uint16_t first, last;
} letters[] = {
	{ 0xc0, 0x24f }, { 0x38e, 0x3a1 }, { 0x3a3, 0x482 }, { 0x48a, 0x52f },
	{ 0x3041, 0x3096 }, { 0x30a1, 0x30fa }, { 0x4e00, 0x9fff }, { 0xac00, 0xd7a3 },
};

// The length of the character at s where a person sees it as it is, else 0.
static size_t visible(const char *s, size_t n)
{
	const unsigned char *c = (const unsigned char *)s;
	size_t length = c[0] < 0xe0 ? 2 : 3;
	unsigned code;

	if (c[0] < 0x80)
		return c[0] >= ' ' && c[0] <= '~';
	if (c[0] < 0xc2 || c[0] > 0xef || n < length || (c[1] & 0xc0) != 0x80 || (length == 3 && (c[2] & 0xc0) != 0x80))
		return 0;
	code = length == 2 ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu) : (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
	if (length == 3 && code < 0x800)
		return 0;
	for (size_t i = 0; i < LENGTH(letters); i++)
		if (code >= letters[i].first && code <= letters[i].last)
			return length;
	return 0;
}

static void append_escaped(struct text *to, unsigned char c)
{
	const char octal[] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7)) };
	static const char *const named[] = { ['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r", ['\''] = "\\'", ['\\'] = "\\\\" };

	if (c < LENGTH(named) && named[c] != NULL)
		append(to, named[c]);
	else
		append_bytes(to, octal, sizeof octal);
}

// As internal/quote has it: what could steer a terminal, or hide, is shown as a shell reads it back.
static void append_shown(struct text *to, const char *part, size_t n)
{
	size_t i = 0, length;

	while (i < n && (length = visible(part + i, n - i)) > 0)
		i += length;
	if (i == n) {
		append_bytes(to, part, n);
		return;
	}
	append(to, "$'");
	for (i = 0; i < n; i += length) {
		length = visible(part + i, n - i);
		if (length > 0 && part[i] != '\'' && part[i] != '\\') {
			append_bytes(to, part + i, length);
			continue;
		}
		length = 1;
		append_escaped(to, (unsigned char)part[i]);
	}
	append(to, "'");
}

// s between double quotes, on one line of printable text, for a program to read back; NULL where it does not fit.
const char *quoted(char *buffer, size_t size, const char *s)
{
	struct text to = { buffer, size, 0 };
	size_t n = strlen(s), length;

	append(&to, "\"");
	for (size_t i = 0; i < n; i += length) {
		length = visible(s + i, n - i);
		if (length > 0 && s[i] != '"' && s[i] != '\\') {
			append_bytes(&to, s + i, length);
			continue;
		}
		length = 1;
		append_escaped(&to, (unsigned char)s[i]);
	}
	append(&to, "\"");
	return to.length < size ? buffer : NULL;
}

// The strings up to NULL, each as a person reads it; what does not fit is cut.
char *show_parts(char *buffer, size_t size, const char *const *parts)
{
	struct text to = { buffer, size, 0 };

	for (buffer[0] = '\0'; *parts != NULL; parts++)
		append_shown(&to, *parts, strlen(*parts));
	return buffer;
}

// One line on stderr. Of a long name that it begins with, the beginning is enough.
void say_parts(const char *const *parts)
{
	static char line[MAX_LINE];
	struct text to = { line, sizeof line - 1, 0 };

	append(&to, "au: ");
	append_shown(&to, parts[0], strnlen(parts[0], 256));
	while (*++parts != NULL)
		append_shown(&to, *parts, strlen(*parts));
	to.length = strlen(line);
	line[to.length] = '\n';
	if (write(2, line, to.length + 1) < 0)
		return;
}

// The strings in buffer, one after the other; what does not fit is refused, never cut.
char *join_parts(char *buffer, size_t size, const char *const *parts)
{
	struct text to = { buffer, size, 0 };

	for (buffer[0] = '\0'; *parts != NULL; parts++)
		append(&to, *parts);
	if (to.length == size)
		die("too long: ", buffer);
	return buffer;
}

char *decimal(char buffer[NUMBER], uint32_t n)
{
	char digits[NUMBER], *to = buffer;
	size_t i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (i > 0)
		*to++ = digits[--i];
	*to = '\0';
	return buffer;
}
