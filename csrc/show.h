// SPDX-License-Identifier: GPL-3.0-or-later
/* How a person reads what others chose: as internal/quote has it, in fixed buffers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A text as far as it is known: length counts what fits, and is size once something did not. */
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

/* Letters that have a width, and turn nothing round: of what Unicode calls printable, enough for names. */
static const struct {
	uint16_t first, last;
} letters[] = {
	{ 0xc0, 0x24f }, { 0x38e, 0x3a1 }, { 0x3a3, 0x482 }, { 0x48a, 0x52f },
	{ 0x3041, 0x3096 }, { 0x30a1, 0x30fa }, { 0x4e00, 0x9fff }, { 0xac00, 0xd7a3 },
};

/* The length of the character at s where a person sees it as it is, else 0. */
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
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (code >= letters[i].first && code <= letters[i].last)
			return length;
	return 0;
}

static void append_escaped(struct text *to, unsigned char c)
{
	const char octal[] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7)) };
	static const char *const named[] = { ['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r", ['\''] = "\\'", ['\\'] = "\\\\" };

	if (c < sizeof named / sizeof *named && named[c] != NULL)
		append(to, named[c]);
	else
		append_bytes(to, octal, sizeof octal);
}

/* As internal/quote has it: what could steer a terminal, or hide, is shown as a shell reads it back. */
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

/* The strings up to NULL, each as a person reads it; what does not fit is cut. */
__attribute__((sentinel)) static char *show_list(char *buffer, size_t size, ...)
{
	struct text to = { buffer, size, 0 };
	const char *part;
	va_list parts;

	buffer[0] = '\0';
	va_start(parts, size);
	while ((part = va_arg(parts, const char *)) != NULL)
		append_shown(&to, part, strlen(part));
	va_end(parts);
	return buffer;
}

#define show(buffer, size, ...) show_list(buffer, size, __VA_ARGS__, (const char *)NULL)
