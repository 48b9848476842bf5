// SPDX-License-Identifier: GPL-3.0-or-later
/* What a set-uid program says and how it opens paths: fixed buffers, one write a line, the kernel's own path checks. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "show.h"

enum { REFUSED = 125, MAX_LINE = 10240 };

static const char *error_text(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ EPERM, "Operation not permitted" },
		{ ENOENT, "No such file or directory" },
		{ EIO, "Input/output error" },
		{ E2BIG, "Argument list too long" },
		{ ENOEXEC, "Exec format error" },
		{ EAGAIN, "Resource temporarily unavailable" },
		{ ENOMEM, "Cannot allocate memory" },
		{ EACCES, "Permission denied" },
		{ EBUSY, "Device or resource busy" },
		{ EEXIST, "File exists" },
		{ EXDEV, "Invalid cross-device link" },
		{ ENODEV, "No such device" },
		{ ENOTDIR, "Not a directory" },
		{ EISDIR, "Is a directory" },
		{ EINVAL, "Invalid argument" },
		{ EMFILE, "Too many open files" },
		{ ENFILE, "Too many open files in system" },
		{ ETXTBSY, "Text file busy" },
		{ ENOSPC, "No space left on device" },
		{ EROFS, "Read-only file system" },
		{ ENAMETOOLONG, "File name too long" },
		{ ENOSYS, "Function not implemented" },
		{ ELOOP, "reached through a symbolic link" },
		{ ENOTCONN, "the program that served it is gone (Transport endpoint is not connected)" },
		{ ETIMEDOUT, "Connection timed out" },
		{ EOPNOTSUPP, "Operation not supported" },
		{ EDQUOT, "Disk quota exceeded" },
		{ ESTALE, "Stale file handle" },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "unexpected error";
}

/* One line on stderr. Of a long name that it begins with, the beginning is enough. */
__attribute__((sentinel)) static void say_list(const char *first, ...)
{
	static char line[MAX_LINE];
	struct text to = { line, sizeof line - 1, 0 };
	const char *part;
	va_list parts;

	append(&to, "au: ");
	append_shown(&to, first, strnlen(first, 256));
	va_start(parts, first);
	while ((part = va_arg(parts, const char *)) != NULL)
		append_shown(&to, part, strlen(part));
	va_end(parts);
	to.length = strlen(line);
	line[to.length] = '\n';
	if (write(2, line, to.length + 1) < 0)
		return;
}

#define say(...) say_list(__VA_ARGS__, (const char *)NULL)
#define die(...) (say(__VA_ARGS__), _exit(REFUSED))
#define fail(...) (say(__VA_ARGS__, ": ", error_text(errno)), _exit(REFUSED))

/* The strings in buffer, one after the other; what does not fit is refused, never cut. */
__attribute__((sentinel)) static char *join_list(char *buffer, size_t size, ...)
{
	struct text to = { buffer, size, 0 };
	const char *part;
	va_list parts;

	buffer[0] = '\0';
	va_start(parts, size);
	while ((part = va_arg(parts, const char *)) != NULL)
		append(&to, part);
	va_end(parts);
	if (to.length == size)
		die("too long: ", buffer);
	return buffer;
}

#define join(buffer, size, ...) join_list(buffer, size, __VA_ARGS__, (const char *)NULL)

enum { NUMBER = 12 };

static char *decimal(char buffer[NUMBER], uint32_t n)
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

/* How a path may lead: PLAIN through no symbolic link at all, INSIDE moreover never out of the folder it starts from. */
enum { RESOLVE_PLAIN = 0x02 | 0x04, RESOLVE_INSIDE = 0x02 | 0x04 | 0x08 };

static int open_beneath(int folder, const char *path, int flags, uint64_t resolve)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { (uint64_t)flags | O_CLOEXEC, 0, resolve };

	return (int)syscall(437, folder, path, &how, sizeof how);
}
