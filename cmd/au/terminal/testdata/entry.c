/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plays the entrypoint's part in the tests of this package, with neither privileges nor walls: a waiter, a guard that
 * leads a session on the terminal, and the command in a group of its own. entry COMMAND [ARG...]
 * The waiter becomes ENTRY_AFTER, a shell's text, when the command has ended. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
	int signal, value, group;
};

static int terminal = -1;

static int watch(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void command(char **argv, int background)
{
	sigset_t none;

	setpgid(0, 0);
	if (!background)
		tcsetpgrp(terminal, getpid());
	if (terminal > 2)
		close(terminal);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	unsetenv("AU_TERMINAL");
	execvp(argv[0], argv);
	_exit(127);
}

static void guard(int link, char **argv)
{
	struct pollfd events[2];
	struct signalfd_siginfo info;
	struct message m;
	const char *wish = getenv("AU_TERMINAL");
	pid_t child;
	int status;

	events[0] = (struct pollfd){ link, POLLIN, 0 };
	events[1] = (struct pollfd){ watch(), POLLIN, 0 };
	setsid();
	if (ioctl(terminal, TIOCSCTTY, 0) != 0)
		_exit(125);
	tcsetpgrp(terminal, getpgrp());
	child = fork();
	if (child == 0)
		command(argv, wish != NULL && strcmp(wish, "background") == 0);
	setpgid(child, child);
	for (;;) {
		while (waitpid(child, &status, WUNTRACED | WNOHANG) > 0) {
			if (!WIFSTOPPED(status))
				_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
			m = (struct message){ WSTOPSIG(status), 0, 0 };
			send(link, &m, sizeof m, 0);
		}
		poll(events, 2, -1);
		while (read(events[1].fd, &info, sizeof info) > 0)
			if (info.ssi_signo == SIGHUP)
				kill(-child, SIGHUP), kill(-child, SIGCONT);
		if (events[0].revents == 0)
			continue;
		if (recv(link, &m, sizeof m, MSG_DONTWAIT) <= 0) {
			kill(-child, SIGKILL);
			_exit(137);
		}
		if (m.signal == SIGCONT && m.value == 1 && tcgetpgrp(terminal) == getpgrp())
			tcsetpgrp(terminal, child);
		if (m.signal == SIGCONT && m.value == 2 && tcgetpgrp(terminal) == child)
			tcsetpgrp(terminal, getpgrp());
		kill(m.group ? -child : child, m.signal);
	}
}

static void stop_as(int signal)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
}

static void after(void)
{
	const char *text = getenv("ENTRY_AFTER");
	sigset_t none;

	if (text == NULL)
		return;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sh", "sh", "-c", text, NULL);
}

int main(int argc, char **argv)
{
	struct pollfd events[3];
	struct signalfd_siginfo info;
	struct message m;
	int link[2], status;
	pid_t child;

	close_range(3, ~0U, 0);
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd))
			terminal = fd;
	if (argc < 2 || terminal < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0)
		return 125;
	terminal = fcntl(terminal, F_DUPFD_CLOEXEC, 10);
	events[0] = (struct pollfd){ link[0], POLLIN, 0 };
	events[1] = (struct pollfd){ watch(), POLLIN, 0 };
	events[2] = (struct pollfd){ terminal, 0, 0 };
	child = fork();
	if (child == 0) {
		close(link[0]);
		close(events[1].fd);
		guard(link[1], argv + 1);
	}
	close(link[1]);
	close(0);
	close(1);
	for (;;) {
		if (waitpid(child, &status, WNOHANG) > 0) {
			after();
			return WIFEXITED(status) ? WEXITSTATUS(status) : 137;
		}
		poll(events, 3, -1);
		if (events[2].revents & POLLHUP)
			return 129;
		while (read(events[1].fd, &info, sizeof info) > 0) {
			if (info.ssi_signo == SIGCHLD)
				continue;
			m = (struct message){ (int)info.ssi_signo, info.ssi_code == SI_QUEUE ? info.ssi_int : 0,
				info.ssi_code == SI_QUEUE || info.ssi_code == SI_KERNEL || info.ssi_signo == SIGCONT };
			send(link[0], &m, sizeof m, 0);
		}
		if ((events[0].revents & POLLIN) && recv(link[0], &m, sizeof m, MSG_DONTWAIT) > 0)
			stop_as(m.signal);
	}
}
