// SPDX-License-Identifier: GPL-3.0-or-later
// Puts itself under the entrypoint's filter and scopes, as anybody may with no_new_privs, makes every call the filter is about, and
// prints a line for each: what it was, and "ok" or the error. Arguments: words a policy would allow.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../filter.h"

static void report(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
	fflush(stdout);
	unlink("made");
}

static void try_modes(int dir)
{
	int fd = open("file", O_CREAT | O_RDWR, 0644);

	mkdir("folder", 02755);
#ifdef SYS_chmod
	report("chmod u+s", syscall(SYS_chmod, "file", 04755));
	report("chmod g+s", syscall(SYS_chmod, "file", 02755));
	report("chmod plain", syscall(SYS_chmod, "file", 0755));
	report("creat u+s", syscall(SYS_creat, "made", 04755));
	report("creat g+s", syscall(SYS_creat, "made", 02755));
	report("creat plain", syscall(SYS_creat, "made", 0755));
	report("mknod u+s", syscall(SYS_mknod, "made", S_IFREG | 04755, 0));
	report("mknod g+s", syscall(SYS_mknod, "made", S_IFREG | 02755, 0));
	report("mknod fifo", syscall(SYS_mknod, "made", S_IFIFO | 0755, 0));
	report("open u+s", syscall(SYS_open, "made", O_CREAT | O_WRONLY, 04755));
	report("open g+s", syscall(SYS_open, "made", O_CREAT | O_WRONLY, 02755));
	report("open without creating", syscall(SYS_open, "file", O_RDONLY, 06755));
#endif
	report("fchmod u+s", syscall(SYS_fchmod, fd, 04755));
	report("fchmod high bits", syscall(SYS_fchmod, fd, 0xffffffff00000000UL | 04755));
	report("fchmod g+s", syscall(SYS_fchmod, fd, 02755));
	report("fchmodat u+s", syscall(SYS_fchmodat, dir, "file", 04755));
	report("fchmodat folder g+s", syscall(SYS_fchmodat, dir, "folder", 02755));
	report("fchmodat2 u+s", syscall(NR_FCHMODAT2, dir, "file", 04755, 0));
	report("mknodat u+s", syscall(SYS_mknodat, dir, "made", S_IFREG | 04755, 0));
	report("mknodat g+s", syscall(SYS_mknodat, dir, "made", S_IFREG | 02755, 0));
	report("openat u+s", syscall(SYS_openat, dir, "made", O_CREAT | O_WRONLY, 04755));
	report("openat g+s", syscall(SYS_openat, dir, "made", O_CREAT | O_WRONLY, 02755));
	report("openat plain", syscall(SYS_openat, dir, "made", O_CREAT | O_WRONLY, 0755));
	report("openat without creating", syscall(SYS_openat, dir, "file", O_RDONLY, 06755));
	report("openat tmpfile u+s", syscall(SYS_openat, dir, ".", TMPFILE_BIT | O_DIRECTORY | O_WRONLY, 04755));
	report("openat tmpfile bit alone u+s", syscall(SYS_openat, dir, ".", TMPFILE_BIT | O_WRONLY, 04755));
	report("openat2", syscall(NR_OPENAT2, dir, "file", (uint64_t[3]){ 0, 0, 0 }, 24));
	report("io_setup", syscall(SYS_io_setup, 1, (unsigned long[1]){ 0 }));
	report("io_uring", syscall(NR_IO_URING_SETUP, 1, (char[256]){ 0 }));
}

static void try_sockets(void)
{
	static const struct {
		const char *name;
		int family;
	} families[] = { { "unix", AF_UNIX },   { "inet", AF_INET },   { "inet6", AF_INET6 }, { "netlink", AF_NETLINK },
			 { "vsock", 40 },       { "rds", 21 },         { "packet", AF_PACKET }, { "alg", 38 },
			 { "bluetooth", 31 },   { "tipc", 30 } };
	char name[32];

	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		snprintf(name, sizeof name, "socket %s", families[i].name);
		report(name, syscall(SYS_socket, families[i].family, SOCK_DGRAM, 0));
	}
	report("socket netlink ipsec", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 6));
	report("socket netlink route", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
	report("socketpair unix", syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, (int[2]){ 0 }));
	report("socketpair packet", syscall(SYS_socketpair, AF_PACKET, SOCK_DGRAM, 0, (int[2]){ 0 }));
	report("socketpair tipc", syscall(SYS_socketpair, 30, SOCK_DGRAM, 0, (int[2]){ 0 }));
	report("socket vsock with high bits", syscall(SYS_socket, 0x100000000L + 40, SOCK_STREAM, 0));
}

static void try_others(void)
{
	pid_t outside = getppid();
	struct sockaddr_un name = { AF_UNIX, "\0au-test" };
	int client = socket(AF_UNIX, SOCK_STREAM, 0);

	report("TIOCSTI", syscall(SYS_ioctl, 0, TIOCSTI_NUMBER, "x"));
	report("TIOCSTI with high bits", syscall(SYS_ioctl, 0, 0xffffffff00000000UL | TIOCSTI_NUMBER, "x"));
	report("TIOCLINUX", syscall(SYS_ioctl, 0, TIOCLINUX_NUMBER, "\2"));
	report("ioctl for moved extents", syscall(SYS_ioctl, 0, EXT4_MOVE_EXTENTS, NULL));
	report("ioctl for swapped extents", syscall(SYS_ioctl, 0, XFS_SWAP_EXTENTS, NULL));
	report("ioctl for an encryption policy", syscall(SYS_ioctl, 0, SET_ENCRYPTION_POLICY, NULL));
	report("ioctl for an encryption key", syscall(SYS_ioctl, 0, ADD_ENCRYPTION_KEY, NULL));
	report("TIOCGWINSZ on a file", syscall(SYS_ioctl, 0, 0x5413, (char[8]){ 0 }));
	report("unshare user", syscall(SYS_unshare, NEWUSER_BIT));
	report("clone3", syscall(NR_CLONE3, NULL, 0));
	report("request_key with a word for a helper", syscall(SYS_request_key, "user", "au-test", "", 0));
	report("add_key user keyring", syscall(SYS_add_key, "user", "au-test", "x", 1, -4));
	report("add_key user session keyring", syscall(SYS_add_key, "user", "au-test", "x", 1, -5));
	report("request_key user keyring", syscall(SYS_request_key, "user", "au-test", NULL, -4));
	report("request_key user session keyring", syscall(SYS_request_key, "user", "au-test", NULL, -5));
	for (int i = 1; i <= 4; i++) {
		long words[5] = { 99, 0, 0, 0, 0 };
		char name[48];

		words[i] = -4;
		snprintf(name, sizeof name, "keyctl %d user keyring", i);
		report(name, syscall(SYS_keyctl, words[0], words[1], words[2], words[3], words[4]));
		words[i] = 0x100000000L - 5;
		snprintf(name, sizeof name, "keyctl %d user session keyring", i);
		report(name, syscall(SYS_keyctl, words[0], words[1], words[2], words[3], words[4]));
	}
	report("keyctl default keyring", syscall(SYS_keyctl, 14, 4));
	report("keyctl persistent keyring", syscall(SYS_keyctl, 22, -1, -3));
	report("signal outside", kill(outside, 0));
	report("abstract socket outside", connect(client, (struct sockaddr *)&name, 2 + 8));
}

#ifdef __x86_64__
// A kernel without 32-bit programs (ia32_emulation=off, Linux 6.7) ends the process by another signal than the filter does.
static void try_i386(const char *name)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int result;

		signal(SIGSEGV, SIG_DFL);
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
		_exit(result > 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	printf("%s: %s\n", name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : WEXITSTATUS(status) ? "refused" : "ok");
	fflush(stdout);
}
#endif

// Whether a call of another ABI ends the process.
static void try_foreign(void)
{
#ifdef __x86_64__
	report("x32 getpid", syscall(X32_BIT + SYS_getpid));
	try_i386("i386 getpid");
#endif
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = { AF_UNIX, "\0au-test" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int userns = 0, i386 = 0;
	pid_t child;

	for (int i = 1; i < argc; i++) {
		userns |= strcmp(argv[i], "userns") == 0;
		i386 |= strcmp(argv[i], "i386") == 0;
	}
	if (bind(server, (struct sockaddr *)&name, 2 + 8) != 0 || listen(server, 1) != 0)
		return 1;
	umask(0);
#ifdef __x86_64__
	try_i386("i386 getpid without a filter");
#endif
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !install_scopes() || !install_filter(userns, i386))
			_exit(1);
		try_modes(open(".", O_RDONLY | O_DIRECTORY));
		try_sockets();
		try_others();
		try_foreign();
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	printf("end: %d\n", status);
	return 0;
}
