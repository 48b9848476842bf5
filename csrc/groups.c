//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "idmap.h"
#include "shares.h"

// The caller's other groups, which become groups that nobody is in. Without any number at all, the kernel lets not even its owner
// write, rename or remove what is in such a group, nor anything be made in such a folder.
struct other_groups {
	gid_t ids[65536]; /* in order, each once: those that are still to be mapped */
	unsigned n;
	uint32_t mapped;
};

static void read_groups(struct other_groups *g, gid_t own)
{
	int got = getgroups(LENGTH(g->ids), g->ids); /* in order, as the kernel keeps them */

	g->n = g->mapped = 0;
	for (int i = 0; i < got; i++)
		if (g->ids[i] != own && (g->n == 0 || g->ids[i] != g->ids[g->n - 1]))
			g->ids[g->n++] = g->ids[i];
}

// Maps the n groups from the one at i on, whose numbers follow one another.
static int map_groups(struct other_groups *g, struct id_map *m, unsigned i, unsigned n)
{
	if (g->mapped + n > UINT32_MAX - FIRST_NOBODY || !add_ids(m, g->ids[i], FIRST_NOBODY + g->mapped, n))
		return 0;
	g->mapped += n;
	return 1;
}

// Maps one group before the others, if it is among them.
static void prefer_group(struct other_groups *g, struct id_map *m, gid_t id)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->ids[i] == id && map_groups(g, m, i, 1)) {
			g->n--;
			memmove(g->ids + i, g->ids + i + 1, (g->n - i) * sizeof *g->ids);
			return;
		}
}

// Maps as many as there is room for, in as few lines as can be; those that are left stay in g.
static void map_other_groups(struct other_groups *g, struct id_map *m)
{
	unsigned left = 0, n;

	for (unsigned i = 0; i < g->n; i += n) {
		for (n = 1; i + n < g->n && g->ids[i + n] == g->ids[i] + n; n++)
			;
		if (map_groups(g, m, i, n))
			continue;
		memmove(g->ids + left, g->ids + i, n * sizeof *g->ids);
		left += n;
	}
	g->n = left;
}

// The groups of the shared folders themselves, as the caller sees them, are those that matter first.
static void prefer_groups_of_shares(struct other_groups *g, struct id_map *m, const struct request *r, uid_t uid, gid_t gid)
{
	take_file_ids(uid, gid);
	for (unsigned i = 0; i < r->nshares; i++) {
		int fd = open_source(r->shares[i].source);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0)
			prefer_group(g, m, st.st_gid);
		close(fd);
	}
	take_file_ids(0, 0);
}

static void say_left_out(const struct other_groups *g)
{
	static char list[MAX_LINE / 2], number[NUMBER];
	size_t n = 0;

	for (unsigned i = 0; i < g->n && n < sizeof list - 4 * NUMBER; i++) {
		join(list + n, sizeof list - n, i > 0 ? ", " : "", decimal(number, g->ids[i]));
		n += strlen(list + n);
	}
	say("warning: the kernel maps no more of your groups; in a share, files of these groups can be read, but not written: ",
	    list);
}

// 16. The namespace that maps one uid and one gid to the agent's.
int map_for_shares(const struct request *r, uid_t uid, gid_t gid, uid_t to_uid, gid_t to_gid)
{
	static struct id_map uids, gids;
	static struct other_groups others;
	struct id_map_maker maker;
	int map;

	start_id_map(&maker);
	if (maker.child < 0)
		die("map ids: user namespaces are switched off: sysctl user.max_user_namespaces");
	add_ids(&uids, uid, to_uid, 1);
	add_ids(&gids, gid, to_gid, 1);
	read_groups(&others, gid);
	map_other_groups(&others, &gids);
	if (others.n > 0) {
		gids.size = gids.lines = 0;
		add_ids(&gids, gid, to_gid, 1);
		read_groups(&others, gid);
		prefer_groups_of_shares(&others, &gids, r, uid, gid);
		map_other_groups(&others, &gids);
	}
	map = end_id_map(&maker, &uids, &gids);
	if (others.n > 0)
		say_left_out(&others);
	return map;
}
