//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "parse.h"

// Goes past a word at the beginning of *s, where it is there.
static int skip(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) != 0)
		return 0;
	*s += n;
	return 1;
}

// The last word of an option for a share, and what it says.
static const struct kind {
	const char *word;
	int writable, with_state, hiding;
} kinds[] = {
	{ "ro", 0, 0, 0 }, { "rw", 1, 0, 0 }, { "draft", 1, 1, 0 }, { "hiding-draft", 1, 1, 1 }, { "hiding-ro", 0, 1, 1 },
};

// Reads what an option says of a share that is to come; NULL where it is no option for one.
static const struct kind *read_kind(struct share *s, const char *option)
{
	if (!skip(&option, "--"))
		return NULL;
	s->optional = skip(&option, "try-");
	s->by_acl = skip(&option, "acl-");
	s->same_path = skip(&option, "same-");
	for (size_t i = 0; i < LENGTH(kinds); i++)
		if (is(option, kinds[i].word)) {
			s->writable = kinds[i].writable;
			s->hiding = kinds[i].hiding;
			return s->by_acl && kinds[i].with_state ? NULL : &kinds[i];
		}
	return NULL;
}

// Takes a share with what follows its option, at arg.
static const char *take_share(struct request *r, struct share *s, int with_state, char **arg)
{
	if (r->nshares == MAX_SHARES)
		return "more than 256 shares";
	if (with_state && r->nstates == MAX_STATES)
		return "more than 16 drafts, and shares that hide something";
	if (arg[0] == NULL || arg[1] == NULL)
		return "want a SOURCE and a TARGET after it";
	if (!is_clean_absolute(arg[0]))
		return "want a clean absolute SOURCE";
	if (!is_clean_relative(arg[1]))
		return "want a clean TARGET, relative to the agent's home";
	if (with_state && (arg[2] == NULL || !is_clean_absolute(arg[2])))
		return "want a clean absolute STATE after its TARGET";
	s->source = arg[0];
	s->target = arg[1];
	s->state = with_state ? arg[2] : NULL;
	r->nstates += (unsigned)with_state;
	r->shares[r->nshares++] = *s;
	return NULL;
}

//     su_as_agent NAME [OPTION]... -- COMMAND [ARG]...
//     su_as_agent NAME --check
//     su_as_agent NAME --draft-marks STATE
// argv must end in NULL, whatever argc was; argv[0] is not looked at.
struct fault parse_request(struct request *r, char **argv)
{
	struct fault f = { 0, NULL, NULL };
	const struct kind *kind;
	struct share share;
	char **arg;

	memset(r, 0, sizeof *r);
	if (argv[0] == NULL || argv[1] == NULL || !is_name(argv[1]))
		return (struct fault){ 0, NULL, "want the agent's name first" };
	r->agent = argv[1];
	if (argv[2] != NULL && is(argv[2], "--check") && argv[3] == NULL) {
		r->check = 1;
		r->command = argv + 3;
		return f;
	}
	if (argv[2] != NULL && is(argv[2], "--draft-marks")) {
		if (argv[3] == NULL || !is_clean_absolute(argv[3]) || argv[4] != NULL)
			return (struct fault){ 0, argv[2], "want one clean absolute STATE after it" };
		r->marks = argv[3];
		r->command = argv + 4;
		return f;
	}
	for (arg = argv + 2; f.want == NULL && *arg != NULL && !is(*arg, "--");) {
		f.key = *arg;
		if (is(*arg, "--dir")) {
			if (r->dir != NULL)
				f.want = "is given twice";
			else if (arg[1] == NULL || arg[1][0] != '/' || strlen(arg[1]) > MAX_PATH)
				f.want = "want an absolute path";
			r->dir = arg[1];
			arg += 2;
		} else if (is(*arg, "--worktree")) {
			f.want = one_more(r->worktrees, &r->nworktrees, MAX_WORKTREES, arg[1] != NULL ? arg[1] : "",
					  is_clean_absolute, "want a clean absolute path");
			arg += 2;
		} else if ((kind = read_kind(&share, *arg)) != NULL) {
			f.want = take_share(r, &share, kind->with_state, arg + 1);
			arg += kind->with_state ? 4 : 3;
		} else {
			f.want = "is not an option";
		}
	}
	if (f.want != NULL)
		return f;
	if (*arg == NULL || arg[1] == NULL)
		return (struct fault){ 0, NULL, "want -- and a command" };
	r->command = arg + 1;
	return (struct fault){ 0, NULL, NULL };
}
