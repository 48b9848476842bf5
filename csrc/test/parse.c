// SPDX-License-Identifier: GPL-3.0-or-later
// The entrypoint's parsers for tests. Built with -DFUZZING it is a libFuzzer target; else it reads records from standard input. A
// record is a letter, four bytes of length, lowest first, and a text. The letter is p for a policy, a for arguments between NULs, n
// for a name to be shown, or s for shadow(5), of the account claude. It answers each with a line of what was read, or with
// "refused: ..." and what it would have printed, then a NUL.
#include "../parse.h"

#include <stdio.h>
#include <stdlib.h>

static struct policy policy;
static struct request request;

static void print_lines(const char *key, const char *const *values, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		printf("%s %s\n", key, values[i]);
}

// As Policy.Text has it, for comparison byte by byte.
static void print_policy(const struct policy *p)
{
	printf("au-policy %u\nname %s\nuid %u\ngid %u\ngroup %u\nhome %s\nshell %s\ntag %s\n", p->version, p->name, p->uid, p->gid,
	       p->group, p->home, p->shell, p->tag);
	print_lines("path", &p->path, p->path != NULL);
	for (unsigned i = 0; i < p->nhumans; i++)
		printf("enter-uid %u %s\n", p->humans[i].uid, p->humans[i].name);
	for (unsigned i = 0; i < p->ngroups; i++)
		printf("enter-gid %u\n", p->groups[i]);
	print_lines("sha256", &p->sha256, p->sha256 != NULL);
	print_lines("cgroup", p->cgroups, p->ncgroups);
	print_lines("hide", p->hides, p->nhides);
	print_lines("show", p->shows, p->nshows);
	print_lines("allow", p->allows, p->nallows);
}

static const char *name_kind(const struct share *s)
{
	return !s->writable ? "ro" : s->state != NULL ? "draft" : "rw";
}

static void print_request(const struct request *r)
{
	printf("agent %s\ndir %s\n", r->agent, r->dir ? r->dir : "");
	for (unsigned i = 0; i < r->nshares; i++)
		printf("%s%s%s%s%s %s %s\n", r->shares[i].optional ? "try-" : "", r->shares[i].by_acl ? "acl-" : "",
		       r->shares[i].same_path ? "same-" : "",
		       r->shares[i].hiding ? "hiding-" : "", name_kind(&r->shares[i]), r->shares[i].source, r->shares[i].target);
	for (unsigned i = 0; i < r->nshares; i++)
		if (r->shares[i].state != NULL)
			printf("state %s\n", r->shares[i].state);
	if (r->marks != NULL)
		printf("marks %s\n", r->marks);
	for (unsigned i = 0; i < r->nworktrees; i++)
		printf("worktree %s\n", r->worktrees[i]);
	for (char **word = r->command; *word != NULL; word++)
		printf("word %s\n", *word);
}

static void read_one(int kind, const unsigned char *data, size_t n)
{
	// Exactly as long as the entrypoint's, so that a step too far is seen.
	char *text = malloc(n + 1);
	struct fault f;

	memcpy(text, data, n);
	text[n] = '\0';
	if (kind == 'n') {
		char *shown = malloc(4 * n + 4);

		printf("%s", show(shown, 4 * n + 4, text));
		free(shown);
		free(text);
		return;
	}
	if (kind == 'p') {
		if (n > MAX_POLICY) {
			printf("refused: want at most 32768 bytes\n");
			free(text);
			return;
		}
		f = parse_policy(&policy, text, n);
		if (f.want == NULL)
			print_policy(&policy);
	} else if (kind == 's') {
		struct expiry e = { .name = "claude" };

		// In pieces: a line may be cut anywhere.
		for (size_t i = 0; i < n; i += 7)
			read_expiry(&e, text + i, n - i < 7 ? n - i : 7);
		printf("%d %u", e.known, e.day);
		free(text);
		return;
	} else {
		size_t words = 0;
		char **argv;

		for (size_t i = 0; i < n; i++)
			words += text[i] == '\0';
		argv = calloc(words + 2, sizeof *argv);
		words = 0;
		for (size_t i = 0; i < n; i += strlen(text + i) + 1)
			argv[words++] = text + i;
		f = parse_request(&request, argv);
		if (f.want == NULL)
			print_request(&request);
		free(argv);
	}
	if (f.want != NULL)
		printf("refused: line %u: %s: %s\n", f.line, f.key ? f.key : "", f.want);
	free(text);
}

#ifdef FUZZING
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static int quiet;

	if (!quiet)
		quiet = freopen("/dev/null", "w", stdout) != NULL;
	if (n > 0)
		read_one(data[0], data + 1, n - 1);
	return 0;
}
#else
int main(void)
{
	static unsigned char data[1 << 20];
	int kind;

	while ((kind = getchar()) != EOF) {
		size_t n = 0;

		for (unsigned i = 0; i < 4; i++)
			n |= (size_t)getchar() << (8 * i);
		if (n > sizeof data || fread(data, 1, n, stdin) != n)
			return 1;
		read_one(kind, data, n);
		putchar('\0');
	}
	return fflush(stdout) != 0;
}
#endif
