//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "waiter.h"
#include "guard.h"
#include "intake.h"
#include "resources.h"

enum { HANGUP_GRACE = 2000, MAX_AFTER = 64 };

static void become_caller_again(const struct run *run)
{
	uid_t uid = run->caller, r, e, s;
	gid_t gid = run->caller_group;

	if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 || getresuid(&r, &e, &s) != 0 || r != uid || e != uid ||
	    s != uid || setuid(0) == 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		die("did not become the caller again");
}

// Stops as the command was stopped, so that the human's shell sees a stopped job; returns when continued. Where a terminal's stop
// does nothing, because no shell is there that could continue us, a parent that watches still sees it.
static void stop_as(int signal, int watched_by_parent)
{
	sigset_t one, pending;

	sigemptyset(&one);
	sigaddset(&one, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigpending(&pending);
	if (watched_by_parent && !sigismember(&pending, SIGCONT))
		kill(getpid(), SIGSTOP);
}

// What the terminal sends goes to the command's whole group, as it would have, and so does what au queues in the human's terminal's
// stead (with SIGCONT: who is to have the foreground); what somebody else sends goes to the command.
static void pass_on(const struct run *run, const struct signalfd_siginfo *info)
{
	struct message m = { (unsigned char)info->ssi_signo, 0, 0 };

	m.to_group = info->ssi_code == SI_KERNEL || info->ssi_code == SI_QUEUE || info->ssi_signo == SIGCONT;
	if (info->ssi_code == SI_QUEUE && info->ssi_signo == SIGCONT)
		m.foreground = (unsigned char)info->ssi_int;
	(void)send(run->link, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// What the caller wants done after the run, as AU_AFTER_1, AU_AFTER_2, ...: its argv. It ends as the run did. With
// AU_AFTER_IF=kills it is for runs only in which the kernel has ended processes for want of memory, that somebody may have ended,
// or whose command was not found or made a call of another ABI. signal is that by which the guard ended: nobody inside can send it
// one.
static void run_after(struct run *run, int status, int signal)
{
	static char *argv[MAX_AFTER + 1], name[24], told[32], counted[32], signalled[32], number[NUMBER];
	uint32_t kills = count_kills(run) - run->kills_before;
	const char *when = find_variable("AU_AFTER_IF", environ);
	int ended = signal != 0 || status == 128 + SIGKILL || status == 128 + SIGTERM;
	int refused = status == 127 || status == 128 + SIGSYS;
	sigset_t none;

	if (when != NULL && is(when, "kills") && kills == 0 && !ended && !refused)
		return;
	for (uint32_t i = 0; i < MAX_AFTER; i++) {
		join(name, sizeof name, "AU_AFTER_", decimal(number, i + 1));
		argv[i] = find_variable(name, environ);
		if (argv[i] == NULL)
			break;
	}
	if (argv[0] == NULL || argv[0][0] != '/')
		return;
	join(told, sizeof told, "AU_STATUS=", decimal(number, (uint32_t)status));
	run->nvariables = 0;
	for (char **e = environ; *e != NULL && run->nvariables < MAX_VARIABLES; e++)
		run->variables[run->nvariables++] = *e;
	run->variables[run->nvariables++] = told;
	run->variables[run->nvariables++] = join(counted, sizeof counted, "AU_KILLS=", decimal(number, kills));
	run->variables[run->nvariables++] = join(signalled, sizeof signalled, "AU_SIGNAL=", decimal(number, (uint32_t)signal));
	run->variables[run->nvariables] = NULL;
	umask(run->caller_umask);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(argv[0], argv, run->variables);
}

// 17. The caller again, who can kill this without sudo; the run ends with it. A run whose terminal is gone is given a moment to
// notice.
int wait_outside(struct run *run, pid_t child)
{
	static char text[24], number[NUMBER];
	struct signalfd_siginfo info;
	struct pollfd events[3];
	sigset_t watched = run->forwarded;
	struct message m;
	int status, signal, patience = -1;

	become_caller_again(run);
	for (unsigned i = 0; i < run->policy.ncgroups; i++)
		close(run->cgroups[i]);
	sigaddset(&watched, SIGCHLD);
	events[0] = (struct pollfd){ run->link, POLLIN, 0 };
	events[1] = (struct pollfd){ signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0 };
	events[2] = (struct pollfd){ run->terminal < 0 ? -1 : fcntl(run->terminal, F_DUPFD_CLOEXEC, 3), 0, 0 };
	if (events[1].fd < 0 || (run->terminal >= 0 && events[2].fd < 0))
		fail("wait for the command");
	forget(1);
	while (waitpid(child, &status, WNOHANG) != child) {
		if (poll(events, 3, patience) == 0)
			return 128 + SIGHUP;
		while (read(events[1].fd, &info, sizeof info) == sizeof info)
			if (info.ssi_signo != SIGCHLD)
				pass_on(run, &info);
		if (events[0].revents != 0 && recv(run->link, &m, sizeof m, MSG_DONTWAIT) == sizeof m)
			stop_as(m.signal, run->terminal >= 0);
		else if (events[0].revents & POLLHUP)
			events[0].fd = -1;
		if (events[2].revents != 0) {
			events[0].fd = events[2].fd = -1;
			patience = HANGUP_GRACE;
		}
	}
	signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	status = exit_status(status);
	write_log(run, join(text, sizeof text, "exit ", decimal(number, (uint32_t)status)));
	run_after(run, status, signal);
	return status;
}
