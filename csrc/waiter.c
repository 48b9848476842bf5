//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "waiter.h"
#include "drafts.h"
#include "guard.h"
#include "intake.h"
#include "resources.h"
#include "unchanged.h"
#include <sched.h>
#include <sys/syscall.h>

enum { HANGUP_GRACE = 2000, MAX_AFTER = 64, TOLD_AGAIN = 50, TOLD_OFTEN = 2500 / TOLD_AGAIN };

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

// A signal of the terminal goes to the command's whole group, as it would have, and so does one that au queues in the terminal's
// stead (with SIGCONT: who is to have the foreground). One of somebody else goes to the command. Once that has ended, it is kept.
static void pass_on(struct run *run, const struct signalfd_siginfo *info)
{
	struct message m = { (unsigned char)info->ssi_signo, 0, 0 };

	m.to_group = info->ssi_code == SI_KERNEL || info->ssi_code == SI_QUEUE || info->ssi_signo == SIGCONT;
	if (info->ssi_code == SI_QUEUE && info->ssi_signo == SIGCONT)
		m.foreground = (unsigned char)info->ssi_int;
	if (send(run->link, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		run->passed = (int)info->ssi_signo;
	else if (errno != EAGAIN)
		sigaddset(&run->kept, (int)info->ssi_signo);
}

// Reads what the guard says, and reports whether there was something. A guard that ends with something unread resets the link
// (ECONNRESET; net/unix/af_unix.c, unix_release_sock): the command had ended before it got the last signal, which is kept.
static int hear(struct run *run, struct message *m)
{
	ssize_t got = recv(run->link, m, sizeof *m, MSG_DONTWAIT);

	if (got < 0 && errno == ECONNRESET) {
		if (run->passed != 0)
			sigaddset(&run->kept, run->passed);
		got = recv(run->link, m, sizeof *m, MSG_DONTWAIT);
	}
	return got == sizeof *m;
}

// Waits for what says something after the run, which is in a group of its own, so that keys come here alone and the status stays
// the run's. The first that ends a program has it hurry: by SIGINT, which a program of Go's ignores until it can answer, and so
// again and again. Another one ends it, when it has had time to hurry.
static void look_after(const struct run *run, int signals, pid_t child)
{
	struct pollfd event = { signals, POLLIN, 0 };
	struct signalfd_siginfo info;
	int keys = 0, told = 0;

	for (int signal = 1; signal <= LAST_SIGNAL; signal++)
		if (sigismember(&run->kept, signal) == 1)
			kill(getpid(), signal);
	while (waitpid(child, NULL, WNOHANG) == 0) {
		poll(&event, 1, keys > 0 ? TOLD_AGAIN : -1);
		while (read(signals, &info, sizeof info) == sizeof info) {
			int signal = (int)info.ssi_signo;

			keys += signal == SIGINT || signal == SIGQUIT || signal == SIGTERM || signal == SIGHUP;
			if (signal == SIGTSTP) {
				kill(-child, SIGSTOP);
				stop_as(signal, run->terminal >= 0);
				kill(-child, SIGCONT);
			}
		}
		if (keys > 1 && told > TOLD_OFTEN)
			kill(-child, SIGKILL);
		else if (keys > 0 && ++told > 0)
			kill(child, SIGINT);
	}
}

// begin_after is a process of its own where there can be one, and returns 0 in what is to become the program.
static pid_t begin_after(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	sigset_t none;

	if (child > 0) {
		setpgid(child, child);
		return child;
	}
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGINT, SIG_IGN);
		signal(SIGTTOU, SIG_IGN);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}

// The command that the caller wants after the run, as AU_AFTER_1, AU_AFTER_2, ...: its argv. It ends as the run did. With
// AU_AFTER_IF=kills it is for some runs only. In these the kernel has ended processes for want of memory, somebody may have ended
// the run, the command was not found or made a call of another ABI, or a server of tmux or screen ended with it. With
// AU_AFTER_IF=changed it is for these, for a run whose command could not be run, and for one after which a writable share is not as
// it was. signal is that by which the guard ended: nobody inside can send it one.
static void run_after(struct run *run, int signals, int status, int signal)
{
	static char *argv[MAX_AFTER + 1], name[24], told[32], counted[32], signalled[32], left[32], number[NUMBER];
	uint32_t kills = count_kills(run) - run->kills_before;
	const char *when = find_variable("AU_AFTER_IF", environ);
	int ended = signal != 0 || status == 128 + SIGKILL || status == 128 + SIGTERM;
	int refused = status == 127 || status == 128 + SIGSYS;
	int quiet = kills == 0 && !ended && !refused && !run->server_ended;
	pid_t child;

	if (when != NULL && is(when, "kills") && quiet)
		return;
	if (when != NULL && is(when, "changed") && quiet && status <= 125 && left_all_as_it_was(run))
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
	run->variables[run->nvariables++] = join(left, sizeof left, "AU_SERVER=", decimal(number, (uint32_t)run->server_ended));
	run->variables[run->nvariables] = NULL;
	child = begin_after();
	if (child > 0) {
		look_after(run, signals, child);
		return;
	}
	umask(run->caller_umask);
	execve(argv[0], argv, run->variables);
	_exit(status);
}

// 19. The caller again, who can kill this without sudo; the run ends with it. A run whose terminal is gone is given a moment to
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
	log_start(run, child);
	watch_mounts(run);
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
		if (events[0].revents != 0 && hear(run, &m)) {
			run->server_ended |= m.signal == SERVER_ENDS;
			if (m.signal != SERVER_ENDS)
				stop_as(m.signal, run->terminal >= 0);
		} else if (events[0].revents & POLLHUP) {
			events[0].fd = -1;
		}
		if (events[2].revents != 0) {
			events[0].fd = events[2].fd = -1;
			patience = HANGUP_GRACE;
		}
	}
	while (hear(run, &m))
		run->server_ended |= m.signal == SERVER_ENDS;
	signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	status = exit_status(status);
	write_log(run, join(text, sizeof text, "exit ", decimal(number, (uint32_t)status)));
	unlock_drafts(&run->shares, &run->request);
	run_after(run, events[1].fd, status, signal);
	return status;
}
