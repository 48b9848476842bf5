//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "devices.h"
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include "kernel.h"

enum { MAX_CARDS = 32 };

#define MAX_PTYS 256

// Nodes that are the same on every machine, and made anew: a mount for each would cost a run several percent.
static const struct {
	const char *path;
	unsigned major, minor;
} nodes[] = {
	{ "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },    { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

// The machine's nodes that a run sees, owners, modes and ACLs as they are there. One that is not named here is not there: what the
// machine opens to everybody, now or later, is not an agent's by that alone.
static const struct {
	const char *path;
	unsigned only_with; // switches of the policy, one of which must be on; 0 for every run
} shown[] = {
	{ "/dev/kvm", 0 }, { "/dev/dri", 0 }, { "/dev/kfd", 0 }, { "/dev/accel", 0 }, { "/dev/dxg", 0 },
	{ "/dev/fuse", ALLOW_USERNS | ALLOW_SETUID }, { "/dev/net", ALLOW_USERNS },
};

// Looked for where the first is, beside the cards themselves, /dev/nvidia0 and on.
static const char *const nvidia[] = {
	"/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-caps",
};

static const char *const device_links[][2] = {
	{ "ptmx", "pts/ptmx" }, { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
};

static const char *const own_folders[] = { "pts", "shm", "mqueue" };

_Static_assert(LENGTH(nodes) + LENGTH(shown) + LENGTH(nvidia) + MAX_CARDS <= MAX_TAKEN, "no room for all devices");

static const char *below_dev(const char *path)
{
	return path + strlen("/dev/");
}

static int open_device(int dev, const char *path)
{
	return must(open_beneath(dev, below_dev(path), O_PATH | O_NOFOLLOW, RESOLVE_INSIDE), "open ", path);
}

// Takes a copy of a node, or of a folder of nodes, where the machine has it, and makes a place for it in own.
static int take_device(struct devices *d, int machine, int own, const char *path)
{
	int from = open_beneath(machine, below_dev(path), O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
	struct stat st;

	if (from < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (from < 0 || fstat(from, &st) != 0)
		fail("open ", path);
	if (!S_ISCHR(st.st_mode) && !S_ISDIR(st.st_mode)) {
		close(from);
		return 0;
	}
	d->taken[d->ntaken].path = path;
	d->taken[d->ntaken].mount = must(clone_tree(from, WITH_SUBMOUNTS), "show ", path);
	if ((S_ISDIR(st.st_mode) ? mkdirat(own, below_dev(path), 0755) : mknodat(own, below_dev(path), S_IFREG | 0444, 0)) != 0)
		fail("make ", path);
	close(from);
	return ++d->ntaken > 0;
}

// Some containers let nobody make a node; what they have instead are mounts, which can be copied.
static void make_nodes(struct devices *d, int machine, int own)
{
	mode_t mask = umask(0);

	for (size_t i = 0; i < LENGTH(nodes); i++)
		if (mknodat(own, below_dev(nodes[i].path), S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) != 0)
			take_device(d, machine, own, nodes[i].path);
	umask(mask);
}

static void take_nvidia(struct devices *d, int machine, int own)
{
	static char cards[MAX_CARDS][sizeof "/dev/nvidia" + NUMBER];
	char number[NUMBER];

	for (size_t i = 0; i < LENGTH(nvidia); i++)
		if (!take_device(d, machine, own, nvidia[i]) && i == 0)
			return;
	for (uint32_t i = 0; i < MAX_CARDS; i++)
		take_device(d, machine, own, join(cards[i], sizeof cards[i], "/dev/nvidia", decimal(number, i)));
}

static void take_devices(struct devices *d, int machine, int own, unsigned allowed)
{
	for (size_t i = 0; i < LENGTH(shown); i++)
		if (shown[i].only_with == 0 || (shown[i].only_with & allowed))
			take_device(d, machine, own, shown[i].path);
	take_nvidia(d, machine, own);
}

// Makes a /dev, with what is the same everywhere, copies of the machine's nodes, and places for what is the run's own.
static void fill_own_devices(struct devices *d, int machine, int own, unsigned allowed)
{
	make_nodes(d, machine, own);
	take_devices(d, machine, own, allowed);
	for (size_t i = 0; i < LENGTH(device_links); i++)
		if (symlinkat(device_links[i][1], own, device_links[i][0]) != 0)
			fail("make /dev/", device_links[i][0]);
	for (size_t i = 0; i < LENGTH(own_folders); i++)
		if (mkdirat(own, own_folders[i], 0755) != 0)
			fail("make /dev/", own_folders[i]);
}

// Puts a mount on a folder of /dev, where both exist.
static void mount_in_dev(int dev, const char *path, int mount)
{
	int place = open_beneath(dev, below_dev(path), O_PATH | O_DIRECTORY, RESOLVE_PLAIN);

	if (place < 0 && errno != ENOENT && errno != ENOTDIR)
		fail("open ", path);
	if (place >= 0 && mount >= 0) {
		attach(mount, place, path);
		return;
	}
	close(place);
	close(mount);
}

// Where the machine's /dev/ptmx is a node or a mount, rather than a link, it would make terminals of the machine.
static void cover_ptmx(int dev)
{
	int place = open_device(dev, "/dev/ptmx"), from;
	struct stat st;

	if (fstat(place, &st) == 0 && S_ISLNK(st.st_mode)) {
		close(place);
		return;
	}
	from = open_device(dev, "/dev/pts/ptmx");
	attach(must(clone_tree(from, 0), "show ", "/dev/ptmx"), place, "/dev/ptmx");
	close(from);
}

// The node of the run's terminal in the machine's /dev/pts, and its number; -1 where it is not there.
static int find_terminal(int machine, int terminal, uint32_t *number)
{
	static char path[sizeof "pts/" + NUMBER], digits[NUMBER];
	struct stat st, found;
	int node;

	if (terminal < 0 || fstat(terminal, &st) != 0 || major(st.st_rdev) != FIRST_PTY)
		return -1;
	*number = minor(st.st_rdev);
	node = open_beneath(machine, join(path, sizeof path, "pts/", decimal(digits, *number)), O_PATH | O_NOFOLLOW, RESOLVE_PLAIN);
	if (node >= 0 && fstat(node, &found) == 0 && found.st_dev == st.st_dev && found.st_ino == st.st_ino)
		return node;
	close(node);
	return -1;
}

// Opens the terminal with that number among the run's own, of which there are none yet; -1 where it cannot be.
static int take_pty(int dev, uint32_t number)
{
	static int masters[MAX_PTYS];
	uint32_t n, got = 0;
	int kept = -1;

	for (n = 0; n < MAX_PTYS && n <= number; n++) {
		masters[n] = open_beneath(dev, "pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_INSIDE);
		if (masters[n] < 0)
			break;
	}
	if (n > number && ioctl(masters[number], TIOCGPTN, &got) == 0 && got == number)
		kept = masters[--n];
	while (n > 0)
		close(masters[--n]);
	return kept;
}

// Programs that ask for the name of their terminal look for it in /dev/pts, and compare: so the machine's node is put there under
// the number it has. Only a number in use can be mounted on, and the kernel gives out the lowest that is free. The descriptor that
// keeps it in use stays open as long as this process lives. Where it cannot be, the terminal works without a name.
static void show_terminal(int dev, int node, uint32_t number)
{
	static char path[sizeof "/dev/pts/" + NUMBER], digits[NUMBER];
	int mount;

	if (take_pty(dev, number) < 0)
		return;
	mount = must(clone_tree(node, 0), "show ", "the terminal");
	join(path, sizeof path, "/dev/pts/", decimal(digits, number));
	attach(mount, open_device(dev, path), path);
}

// Where the machine's shared memory is, if a link leads to it; else NULL. Asked for before /run is sealed, which hides whose the
// folders are. A path that nobody but root can change still leads there afterwards.
const char *find_linked_memory(void)
{
	static char path[MAX_PATH + 1], node[sizeof "/proc/self/fd/" + NUMBER];
	char number[NUMBER];
	int fd = open_beneath(AT_FDCWD, "/dev/shm", O_PATH, RESOLVE_PLAIN);
	ssize_t n = 0;

	if (fd < 0 && errno == ELOOP) {
		fd = follow_roots_links("/dev/shm");
		if (fd < 0 && errno != ENOENT)
			fail("open /dev/shm");
		if (fd >= 0)
			n = readlink(join(node, sizeof node, "/proc/self/fd/", decimal(number, (uint32_t)fd)), path, MAX_PATH);
	}
	close(fd);
	path[n > 0 ? n : 0] = '\0';
	return n > 0 ? path : NULL;
}

// 29. The terminal is 0, 1, 2 or -1; memory as find_linked_memory says.
void make_devices(struct devices *d, const struct blanks *b, unsigned allowed, int terminal, const char *memory)
{
	int machine = open_folder("/dev"), own;

	*d = (struct devices){ 0 };
	d->own = !(allowed & ALLOW_DEVICES);
	d->memory = memory;
	d->terminal = find_terminal(machine, terminal, &d->number);
	if (d->own) {
		if (mkdirat(b->made, "dev", 0755) != 0)
			fail("make /dev");
		own = open_beneath(b->made, "dev", O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
		fill_own_devices(d, machine, own, allowed);
		close(own);
	}
	close(machine);
}

static void mount_own_devices(const struct devices *d)
{
	int from = open_folder("/run/user/dev"), dev;

	cover(from, open_folder("/dev"), "/dev");
	close(from);
	dev = open_folder("/dev");
	for (unsigned i = 0; i < d->ntaken; i++)
		attach(d->taken[i].mount, open_device(dev, d->taken[i].path), d->taken[i].path);
	close(dev);
}

// 31. While the blanks are where attach_blanks has put them. Terminals, shared memory and message queues are the run's in any case.
void mount_devices(const struct devices *d)
{
	const char *const *pts = PARTS("mode", "600", "ptmxmode", "666", "max", TEXT(MAX_PTYS));
	const char *const *shm = PARTS("mode", "1777");
	int dev;

	if (d->own)
		mount_own_devices(d);
	dev = open_folder("/dev");
	mount_in_dev(dev, "/dev/pts", new_mount("devpts", pts, FLAG_NOSUID | FLAG_NOEXEC));
	if (d->own || d->memory == NULL)
		mount_in_dev(dev, "/dev/shm", new_mount("tmpfs", shm, FLAG_NOSUID | FLAG_NODEV));
	if (d->memory != NULL)
		attach(new_mount("tmpfs", shm, FLAG_NOSUID | FLAG_NODEV), open_folder(d->memory), "/dev/shm");
	mount_in_dev(dev, "/dev/mqueue", new_mount("mqueue", PARTS(NULL), FLAG_NOSUID | FLAG_NODEV | FLAG_NOEXEC));
	cover_ptmx(dev);
	if (d->terminal >= 0)
		show_terminal(dev, d->terminal, d->number);
	close(d->terminal);
	close(dev);
}
