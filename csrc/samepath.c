//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A share at the human's own path. The cover of the folders above it holds empty folders of root that lead there, and for a file
// an empty one; where nothing covers them, it is mounted over itself. It is a copy of what has been attached at its target: an
// id-mapped mount cannot be copied before it is attached, or be mapped again.
#include "shares.h"
#include "mounts.h"

enum { MAX_WAYS = 4096 /* folders in the covers */ };

static int is_on_same(const struct known *a, const struct known *b)
{
	return a->major == b->major && a->minor == b->minor;
}

// The share that shows the folder of share i where there is nothing of its own. Of those that hold it, it is the one with the
// longest path, and of two with one path the later, as it lies above the other. NULL where there is none.
static const struct share *shown_by(const struct shares *all, const struct request *r, unsigned i)
{
	const char *source = r->shares[i].source;
	const struct share *nearest = NULL;

	for (unsigned j = 0; j < r->nshares; j++) {
		const struct share *outer = &r->shares[j];

		if (j == i || all->left_out[j] || !outer->same_path || !is_within(source, outer->source) ||
		    (is(source, outer->source) && j > i))
			continue;
		if (nearest == NULL || strlen(outer->source) >= strlen(nearest->source))
			nearest = outer;
	}
	return nearest;
}

// Whether it needs no mount of its own: what shows the folder has the same access.
static int is_shown(const struct shares *all, const struct request *r, unsigned i)
{
	const struct share *s = &r->shares[i], *outer = shown_by(all, r, i);

	return outer != NULL && outer->writable == s->writable && outer->by_acl == s->by_acl &&
	       outer->state == NULL && s->state == NULL;
}

// How many folders a path leads through, itself among them.
static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

// Fills in for git's worktrees that are not shared, in the folders that the covers show: git worktree prune and git gc forget
// those whose .git file they do not see. An agent may have chosen the paths. They lead to nothing that is there: what is made is
// seen in covers alone, and a share covers it in turn. One that cannot be made is left out.
static void make_worktrees(const struct request *r, int way, unsigned folders)
{
	static char file[MAX_PATH + sizeof "/.git"];

	for (unsigned i = 0; i < r->nworktrees; i++) {
		const char *path = r->worktrees[i];

		if (folders + depth(path) > MAX_WAYS)
			continue;
		folders += depth(path);
		if (make_way(way, path))
			(void)!mknodat(way, join(file, sizeof file, path, "/.git") + 1, S_IFREG | 0444, 0);
	}
}

// Makes the way to a share, with what it is put on.
static int make_way_to(int way, const char *source, int file)
{
	static char above[MAX_PATH + 1];

	if (!file)
		return make_way(way, source);
	*strrchr(join(above, sizeof above, source), '/') = '\0';
	return make_way(way, above) && (mknodat(way, source + 1, S_IFREG | 0444, 0) == 0 || errno == EEXIST);
}

// 28. Makes the ways to the shares, in what covers will be copies of.
void make_ways(struct shares *all, const struct request *r, const struct blanks *b)
{
	unsigned folders = 0;
	int way;

	if (r->nshares == 0)
		return;
	way = must(open_beneath(b->made, "way", O_PATH, RESOLVE_INSIDE), "open ", "the ways to shares");
	for (unsigned i = 0; i < r->nshares; i++) {
		const char *source = r->shares[i].source;

		all->own_path[i] = !all->left_out[i] && r->shares[i].same_path && !is_shown(all, r, i);
		if (!all->own_path[i])
			continue;
		if (!make_way_to(way, source, S_ISREG(all->sources[i].mode)))
			fail("make the way to ", source);
		folders += depth(source);
		if (folders > MAX_WAYS)
			die("shares at your own paths: these lead through more than 4096 folders: want same_path = false for some");
	}
	make_worktrees(r, way, folders);
	if (!look_at(way, &all->covers))
		fail("make the ways to shares");
	close(way);
}

// Opens, as who looks, the first folder on the way that cannot be entered, and cuts the path after it; -1 where all can be.
static int open_shut(char *path)
{
	int at = open_root(), next;
	size_t from, to;

	for (from = 1; at >= 0; from = to + 1) {
		char end;

		to = from + strcspn(path + from, "/");
		end = path[to];
		path[to] = '\0';
		next = open_beneath(at, path + from, O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
		if (next < 0 && errno == EACCES && from > 1) {
			path[from - 1] = '\0';
			return at;
		}
		path[to] = end;
		close(at);
		at = next;
		if (end == '\0')
			break;
	}
	close(at);
	return -1;
}

// Whether two paths are in one folder.
static int are_in_one(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, '/') - a);

	return strncmp(a, b, n + 1) == 0 && strchr(b + n + 1, '/') == NULL;
}

// 33. Covers what the agent may not enter on the way to a share, with what leads there. Looked for as the agent. Shares in a row
// that are in one folder have one way.
void open_ways(const struct shares *all, const struct request *r, const struct blanks *b)
{
	static char path[MAX_PATH + 1];
	const char *before = NULL;

	for (unsigned i = 0; i < r->nshares; i++) {
		int place;

		if (!all->own_path[i] || (before != NULL && are_in_one(before, r->shares[i].source)))
			continue;
		before = r->shares[i].source;
		while ((place = open_shut(join(path, sizeof path, r->shares[i].source))) >= 0)
			if (!hide_around_ways(path, place, b))
				die("share ", r->shares[i].source, ": ", path, " cannot be entered");
	}
}

// 38. In the order that they were asked for. Copies are taken while nothing else has been put into a share.
void attach_shares(struct shares *all, const struct request *r)
{
	memset(all->copies, -1, sizeof all->copies);
	for (unsigned i = 0; i < r->nshares; i++) {
		if (all->left_out[i])
			continue;
		put_on(all->mounts[i], all->places[i], r->shares[i].target);
		if (all->own_path[i])
			all->copies[i] = must(clone_tree(all->mounts[i], WITH_SUBMOUNTS), "copy share ", r->shares[i].source);
		close(all->mounts[i]);
		close(all->places[i]);
	}
}

// The place for a share at its own path: in a cover, or the folder itself. Somebody who swaps a folder on the way gets nothing
// covered.
static int open_own_place(const char *source, const struct known *of_source, const struct known *covers)
{
	int place = open_source(source);
	struct known there;

	if (place < 0 || !look_at(place, &there))
		die("share ", source, ": at its own path: ", error_text(errno), "; same_path = false keeps it to its target");
	if (!is_on_same(&there, covers) && !(is_on_same(&there, of_source) && there.inode == of_source->inode))
		die("share ", source, ": at its own path is now something else: try again");
	return place;
}

// Puts the shares that have a copy into the order in which they are attached: the shortest path first, as an outer one goes before
// what is in it. Returns how many there are.
static unsigned order_copies(const struct shares *all, const struct request *r, unsigned order[MAX_SHARES])
{
	size_t length[MAX_SHARES];
	unsigned n = 0;

	for (unsigned i = 0; i < r->nshares; i++) {
		unsigned place = n;

		if (all->copies[i] < 0)
			continue;
		length[i] = strlen(r->shares[i].source);
		for (; place > 0 && length[order[place - 1]] > length[i]; place--)
			order[place] = order[place - 1];
		order[place] = i;
		n++;
	}
	return n;
}

// The same in a draft, where nothing is what it is in the folder: walked, and made if need be, in the draft itself.
static int open_place_in_draft(struct shares *all, const struct request *r, unsigned i, const struct share *draft,
			       const struct owners *of)
{
	const char *source = r->shares[i].source, *rest = source + strlen(draft->source);
	int root = all->drafts[draft - r->shares], file = S_ISREG(all->sources[i].mode);
	int place = open_target(all, root, rest + strspn(rest, "/"), source, file, of);

	if (place < 0)
		die("share ", source, ": at its own path: ", all->reason);
	return place;
}

// 39. As the agent: nothing of what it can change is looked up with other rights.
void attach_own_paths(struct shares *all, const struct request *r, const struct owners *of)
{
	unsigned order[MAX_SHARES], n = order_copies(all, r, order), drafts = 0;

	memset(all->drafts, -1, sizeof all->drafts);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = order[k];
		const char *source = r->shares[i].source;
		const struct share *outer = drafts > 0 ? shown_by(all, r, i) : NULL;
		int in_draft = outer != NULL && all->drafts[outer - r->shares] >= 0;

		if (r->shares[i].state != NULL) {
			all->drafts[i] = fcntl(all->copies[i], F_DUPFD_CLOEXEC, 3);
			drafts++;
		}
		attach(all->copies[i],
		       in_draft ? open_place_in_draft(all, r, i, outer, of) :
				  open_own_place(source, &all->sources[i], &all->covers),
		       source);
	}
	for (unsigned i = 0; i < r->nshares; i++)
		if (all->drafts[i] >= 0)
			close(all->drafts[i]);
}
