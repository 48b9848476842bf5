//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "guard.h"
#include <dirent.h>
#include "command.h"
#include "kernel.h"
#include "resources.h"

int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Forgets what the human's environment held, and lets go of the ends of pipes that others wait for.
void forget(int highest)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= highest; fd++)
		if (null >= 0)
			dup2(null, fd);
	close(null);
}

// Gives the terminal's foreground to the command's group, or takes it back; a shell inside may have given it away.
static void move_foreground(int tty, pid_t command, int to)
{
	pid_t now = tcgetpgrp(tty);

	if (to == FOREGROUND_COMMAND && now == getpgrp())
		tcsetpgrp(tty, command);
	if (to == FOREGROUND_GUARD && now == command)
		tcsetpgrp(tty, getpgrp());
}

enum { TIME_TO_END = 5000, LOOK_AGAIN = 5 };

// Ends all of the run and waits for it, as the lock of a draft is free when this process has ended: the kernel ends the others only
// then. It does not wait in vain for what is root's by a set-uid program.
static void end_the_others(void)
{
	pid_t pid;

	kill(-1, SIGKILL);
	for (int left = TIME_TO_END / LOOK_AGAIN; left > 0 && (pid = waitpid(-1, NULL, WNOHANG)) >= 0;)
		if (pid == 0) {
			poll(NULL, 0, LOOK_AGAIN);
			left--;
		}
}

// Its name is what a process says of itself: it is compared, and goes no further.
static int is_server(int proc, const char *process)
{
	static char path[NUMBER + sizeof "/comm"], name[32];
	int fd = openat(proc, join(path, sizeof path, process, "/comm"), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, name, sizeof name - 1);

	close(fd);
	name[n > 0 ? n : 0] = '\0';
	return is(name, "tmux: server\n") || is(name, "screen\n");
}

// Whether a server that people leave in order to come back is among what ends with the run.
static int ends_a_server(void)
{
	static _Alignas(struct dirent) char entries[8192];
	int proc = kill(-1, 0) == 0 ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct dirent *entry;
	long n;

	while ((n = syscall(SYS_getdents64, proc, entries, sizeof entries)) > 0)
		for (const char *at = entries; at < entries + n; at += entry->d_reclen) {
			entry = (const struct dirent *)at;
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_server(proc, entry->d_name))
				return 1;
		}
	return 0;
}

// Tells the waiter which signal has stopped the command, or SERVER_ENDS.
static void tell(const struct run *run, int signal)
{
	struct message m = { (unsigned char)signal, 0, 0 };

	(void)send(run->link, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Whether the command has ended and is not reaped yet. A signal would be lost on it, so its message stays unread.
static int has_ended(pid_t command)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)command, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == command;
}

// 43. Reaps everything; ends when the command has, or when the waiter's end of the link is gone.
_Noreturn void guard(const struct run *run, pid_t command)
{
	struct pollfd events[2];
	struct signalfd_siginfo info;
	struct message m;
	sigset_t watched;
	int status, tty = run->terminal < 0 ? -1 : fcntl(run->terminal, F_DUPFD_CLOEXEC, 3);
	pid_t pid;

	if (run->policy.allowed & ALLOW_SETUID)
		drop_bounding_set();
	become_agent(&run->policy);
	for (char **e = environ; *e != NULL; e++)
		memset(*e, 0, strlen(*e));
	for (unsigned i = 0; i < run->policy.ncgroups; i++)
		close(run->cgroups[i]);
	close(run->kills);
	forget(2);
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGHUP);
	events[0] = (struct pollfd){ run->link, POLLIN, 0 };
	events[1] = (struct pollfd){ signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0 };
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || events[1].fd < 0)
		_exit(REFUSED);
	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
			if (pid != command)
				continue;
			if (!WIFSTOPPED(status)) {
				if (ends_a_server())
					tell(run, SERVER_ENDS);
				_exit(exit_status(status));
			}
			tell(run, WSTOPSIG(status));
		}
		poll(events, 2, -1);
		while (read(events[1].fd, &info, sizeof info) == sizeof info)
			if (info.ssi_signo == SIGHUP && info.ssi_code == SI_KERNEL) {
				// The terminal is gone, and its kernel told the session's leader alone.
				kill(-command, SIGHUP);
				kill(-command, SIGCONT);
			}
		if (events[0].revents == 0 || has_ended(command))
			continue;
		if (recv(run->link, &m, sizeof m, MSG_DONTWAIT) != sizeof m) {
			write_log(run, "killed with its waiter");
			if (run->request.nstates > 0)
				end_the_others();
			_exit(128 + SIGKILL);
		}
		move_foreground(tty, command, m.foreground);
		kill(m.to_group ? -command : command, m.signal);
	}
}
