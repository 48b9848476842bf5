// SPDX-License-Identifier: GPL-3.0-or-later
// Messages, which show others' words as a person reads them, and texts put together: no stdio, no heap, nothing cut unseen.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define TEXT(n) TEXT_OF(n)
#define TEXT_OF(n) #n
#define PARTS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define say(...) say_parts(PARTS(__VA_ARGS__))
#define die(...) (say(__VA_ARGS__), _exit(REFUSED))
#define fail(...) die(__VA_ARGS__, ": ", error_text(errno))
#define join(buffer, size, ...) join_parts(buffer, size, PARTS(__VA_ARGS__))
#define show(buffer, size, ...) show_parts(buffer, size, PARTS(__VA_ARGS__))

enum { REFUSED = 125, MAX_LINE = 10240, NUMBER = 12 };

const char *error_text(int error);
void say_parts(const char *const *parts);
const char *quoted(char *buffer, size_t size, const char *s);
char *join_parts(char *buffer, size_t size, const char *const *parts);
char *show_parts(char *buffer, size_t size, const char *const *parts);
char *decimal(char buffer[NUMBER], uint32_t n);
