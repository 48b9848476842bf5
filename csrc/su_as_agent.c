//go:build ignore

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * su_as_agent: runs one command as an agent, for a human whom root's policy file lets in. Installed set-uid root.
 *
 *     su_as_agent NAME [--dir DIR] [--[try-][acl-]ro|rw SOURCE TARGET]... -- COMMAND [ARG]...
 *     su_as_agent NAME --check
 *
 * It ends as the command does, with 128+N for signal N; 125 when it refuses, 126 and 127 when COMMAND cannot be run.
 * --check runs nothing: 0 when the agent's account has expired, as it has to for a run, 1 when it has not.
 *
 * Three processes. The caller's own checks, forks and then waits as the caller again, so that the human can kill it.
 * Its child, pid 1 of a new pid namespace, builds the walls, forks the command, and then guards it as the agent:
 * it reaps, passes signals on, and leaves, taking everything with it, when the command or the waiter has ended.
 *
 * Every path is opened, by fd, with the file-system identity of the party whose authority is used; root's own
 * authority is used only on fds. No heap, no stdio, no name service; an error is one line and exit 125.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "base.h"
#include "parse.h"
#include "filter.h"
#include "idmap.h"
#include "mounts.h"
#include "links.h"
#include "walls.h"
#include "strays.h"
#include "devices.h"
#include "shares.h"

#ifndef POLICY_FOLDER
#define POLICY_FOLDER "/etc/au/agents"
#endif
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

enum { DEVPTS_MAGIC = 0x1cd1, FIRST_PTY = 136, LAST_PTY = 143, HANGUP_GRACE = 2000, SECONDS_A_DAY = 86400 };
enum { MAX_VARIABLES = 512, MAX_RLIMITS = 16, LAST_SIGNAL = 64, MAX_AFTER = 64, STACK_LIMIT = 8 << 20 };

extern char **environ;

static struct policy policy;
static struct request request;

static uid_t caller;
static gid_t caller_group;
static char caller_label[MAX_HUMAN + 32];

static int terminal = -1;
static int start_in_background;
static mode_t caller_umask;
#define INTO_CGROUP 0x200000000ULL /* linux/sched.h: CLONE_INTO_CGROUP */

static int cgroup_fds[MAX_CGROUPS]; /* v1's tasks files; unified's folder */
static int unified = -1;            /* which of them is cgroup v2's */
static int born_in_unified;
static int kills_fd = -1;
static uint32_t kills_before;
static int log_fd = -1;
static pid_t waiter_pid;
static struct rlimit limits[MAX_RLIMITS];
static sigset_t forwarded;

/* 1. Nothing is inherited but 0, 1 and 2, and those are open before anything else is opened or printed. */
static void seal_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0 || syscall(NR_CLOSE_RANGE, 3, ~0U, 0) != 0)
		_exit(REFUSED);
}

/* 2. Root by the file's mode alone. */
static void check_identity(void)
{
	struct statvfs fs;

	caller = getuid();
	caller_group = getgid();
	if (caller == 0)
		die("start it as the human, not as root");
	if (geteuid() == 0 && prctl(PR_GET_SECUREBITS) == 0)
		return;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		die("no_new_privs is set (a sandbox or a container): no set-uid program can work here");
	if (statvfs("/proc/self/exe", &fs) == 0 && (fs.f_flag & ST_NOSUID))
		die("the entrypoint is on a file system mounted nosuid");
	die("not set-uid root, or being traced, or in a user namespace");
}

/* 3. Nothing the caller set for itself bends what follows. A signal it ignores stays ignored by the waiter. */
static void reset_process(void)
{
	static const int passed_on[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1,
					 SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM };
	static const struct itimerval none;
	static const struct rlimit no_core;
	unsigned long before[8], standard[8] = { 0 };
	sigset_t every;

	sigemptyset(&forwarded);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&forwarded, passed_on[i]);
	for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
		/* Not sigaction(), which keeps the C library's own signals from us. */
		if (syscall(SYS_rt_sigaction, signal, standard, before, 8) == 0 &&
		    before[0] == (unsigned long)SIG_IGN && signal < SIGSYS)
			sigdelset(&forwarded, signal);
	}
	sigfillset(&every);
	sigprocmask(SIG_SETMASK, &every, NULL);
	setitimer(ITIMER_REAL, &none, NULL);
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	setitimer(ITIMER_PROF, &none, NULL);
	caller_umask = umask(022);
	personality(PER_LINUX);
	if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		fail("reset the process");
	if (chdir("/") != 0)
		fail("enter /");
}

/* 4. */
static void read_request(char **argv)
{
	struct fault f = parse_request(&request, argv);

	if (f.want == NULL)
		return;
	if (f.key == NULL)
		die("su_as_agent: ", f.want);
	die("su_as_agent: ", f.key, ": ", f.want);
}

/* 5. The policy is root's word: a regular file that root owns and nobody else can write. */
static void read_policy(void)
{
	static char text[MAX_POLICY + 2], path[sizeof POLICY_FOLDER + 1 + MAX_NAME + 1], line[NUMBER];
	struct stat st;
	struct fault f;
	size_t n = 0;
	ssize_t got = 1;
	int fd;

	join(path, sizeof path, POLICY_FOLDER, "/", request.agent);
	fd = open_beneath(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, RESOLVE_PLAIN);
	if (fd < 0 && errno == ENOENT)
		die("no agent \"", request.agent, "\": ", path, " is missing");
	if (fd < 0 || fstat(fd, &st) != 0)
		fail("policy ", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		die("policy ", path, ": want a regular file that root owns and only root can write");
	for (; got > 0 && n <= MAX_POLICY; n += (size_t)got) {
		got = read(fd, text + n, MAX_POLICY + 1 - n);
		if (got < 0)
			fail("policy ", path);
	}
	close(fd);
	if (n > MAX_POLICY)
		die("policy ", path, ": want at most 32768 bytes");
	f = parse_policy(&policy, text, n);
	if (f.want != NULL && f.line == 0)
		die("policy ", path, ": ", f.key, " ", f.want);
	if (f.want != NULL)
		die("policy ", path, ": line ", decimal(line, f.line), ": ", f.key ? f.key : "", f.key ? ": " : "", f.want);
	if (!is(policy.name, request.agent))
		die("policy ", path, ": is for ", policy.name);
}

static int is_member(gid_t group)
{
	static gid_t groups[65536];
	int n = getgroups(65536, groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return 1;
	return caller_group == group;
}

static void check_caller(void)
{
	static char number[NUMBER];
	const char *name = NULL;
	int may_enter = 0;

	for (unsigned i = 0; i < policy.nhumans; i++)
		if (policy.humans[i].uid == caller) {
			name = policy.humans[i].name;
			may_enter = 1;
		}
	for (unsigned i = 0; i < policy.ngroups; i++)
		may_enter |= is_member(policy.groups[i]);
	decimal(number, caller);
	if (caller == policy.uid)
		die("agent \"", policy.name, "\" may not enter itself");
	if (!may_enter)
		die("uid ", number, " may not enter agent \"", policy.name, "\"");
	if (name != NULL)
		join(caller_label, sizeof caller_label, name, " (uid ", number, ")");
	else
		join(caller_label, sizeof caller_label, "uid ", number);
}

/* 6. Root in every id: the caller can no longer signal or trace this process. */
static void become_root(void)
{
	if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		fail("become root");
}

/*
 * The account has expired, so that no other door leads to the agent's uid: what it starts through sshd, su or cron would
 * be outside these walls. Some that make accounts drop the expiry, so it is looked at before every run. /etc is root's,
 * and what links there lead to is as well.
 */
static void check_expiry(void)
{
	struct expiry e = { .name = policy.name };
	char text[1024];
	struct stat st;
	ssize_t got;
	int fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), expired;

	if (fd < 0 || fstat(fd, &st) != 0)
		fail("account of agent \"", policy.name, "\": /etc/shadow");
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		die("/etc/shadow: want a regular file that root owns and only root can write");
	while (!e.known && (got = read(fd, text, sizeof text)) > 0)
		read_expiry(&e, text, (size_t)got);
	explicit_bzero(text, sizeof text);
	close(fd);
	expired = e.known && e.day > 0 && e.day < (uint32_t)(time(NULL) / SECONDS_A_DAY);
	if (request.check)
		_exit(expired ? 0 : 1);
	if (expired)
		return;
	say("agent \"", policy.name, "\" is not run: its account has not expired, so it could log in to itself, outside of all walls");
	die("hint: sudo usermod --expiredate 1 ", policy.name);
}

/*
 * 7. Two of 0, 1 and 2 may be one terminal, which the caller made for this run: a pty's slave. Whether it is already
 * somebody's controlling terminal, as the human's own is, shows when the run takes it. A folder would be a way out of
 * the walls.
 */
static void check_descriptors(void)
{
	static char number[NUMBER];
	dev_t device = 0;

	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;
		struct statfs fs;

		decimal(number, (uint32_t)fd);
		if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode) || (fcntl(fd, F_GETFL) & O_PATH))
			die("descriptor ", number, ": want a file, a pipe or a terminal");
		if (!S_ISCHR(st.st_mode) || !isatty(fd))
			continue;
		if (fstatfs(fd, &fs) != 0 || fs.f_type != DEVPTS_MAGIC || major(st.st_rdev) < FIRST_PTY ||
		    major(st.st_rdev) > LAST_PTY || st.st_uid != caller || (device != 0 && device != st.st_rdev))
			die("descriptor ", number, ": want a terminal made for this run (au run makes one)");
		device = st.st_rdev;
		terminal = fd;
	}
}

/*
 * In what waiter and guard tell each other: a signal, whether it is for the command's whole group, and whether the
 * group should have the terminal's foreground from now on or the guard, which never reads, should.
 */
struct message {
	unsigned char signal, to_group, foreground;
};

enum { FOREGROUND_COMMAND = 1, FOREGROUND_GUARD = 2 };

/* The run's own session, and its terminal, which becomes the agent's in every sense. */
static void take_terminal(void)
{
	if (setsid() < 0)
		fail("start a session");
	if (terminal < 0)
		return;
	if (ioctl(terminal, TIOCSCTTY, 0) != 0)
		die("the terminal is another session's: want one made for this run (au run makes one)");
	if (fchown(terminal, policy.uid, (gid_t)-1) != 0 || fchmod(terminal, 0600) != 0)
		fail("give the terminal to the agent");
}

/* How many of the agent's processes the kernel has ended for want of memory: memory.events, or memory.oom_control in v1. */
static uint32_t count_kills(void)
{
	static const char word[] = "\noom_kill ";
	static char text[512];
	ssize_t n = pread(kills_fd, text, sizeof text - 1, 0);
	uint32_t kills = 0;
	const char *at;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, word);
	for (at = at ? at + sizeof word - 1 : ""; *at >= '0' && *at <= '9'; at++)
		kills = kills * 10 + (uint32_t)(*at - '0');
	return kills;
}

/*
 * 8. Opened here, joined by the command alone: the waiter and the guard must not freeze with it. Not by cgroup.procs, where
 * that can be helped: the kernel then waits until no process forks or exits, which takes 10 ms and more on a machine where
 * nobody has just done the same. A lone thread moves itself at once by v1's tasks, and into v2 it can be born (clone(2), Linux 5.7).
 */
static void open_cgroups(void)
{
	static char path[MAX_PATH + sizeof "/memory.oom_control"];
	int top = -1;

	for (unsigned i = 0; i < policy.ncgroups; i++) {
		if (top < 0)
			top = open_beneath(AT_FDCWD, "/sys/fs/cgroup", O_PATH | O_DIRECTORY, RESOLVE_PLAIN);
		join(path, sizeof path, policy.cgroups[i], "/tasks");
		cgroup_fds[i] = open_beneath(top, path, O_WRONLY, RESOLVE_INSIDE);
		if (cgroup_fds[i] < 0 && errno == ENOENT && unified < 0) {
			cgroup_fds[i] = open_beneath(top, policy.cgroups[i], O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
			unified = (int)i;
		}
		if (cgroup_fds[i] < 0)
			die("cgroup ", policy.cgroups[i], ": ", error_text(errno), "; run: sudo systemctl start au-",
			    policy.name, ".service");
		join(path, sizeof path, policy.cgroups[i],
		     strncmp(policy.cgroups[i], "memory/", 7) == 0 ? "/memory.oom_control" : "/memory.events");
		if (kills_fd < 0)
			kills_fd = open_beneath(top, path, O_RDONLY, RESOLVE_INSIDE);
	}
	if (top >= 0)
		close(top);
	kills_before = count_kills();
}

/* The limits that the machine's first process has, for the command: the caller's own are the caller's. */
static void read_limits(void)
{
	for (int i = 0; i < MAX_RLIMITS; i++)
		if (syscall(SYS_prlimit64, 1, i, NULL, &limits[i]) != 0 && 
		    syscall(SYS_prlimit64, 0, i, NULL, &limits[i]) != 0)
			fail("read the limits");
	limits[RLIMIT_CORE].rlim_cur = 0;
	limits[RLIMIT_STACK] = (struct rlimit){ STACK_LIMIT, RLIM_INFINITY };
	limits[RLIMIT_NOFILE].rlim_cur = 1024;
	if (limits[RLIMIT_NOFILE].rlim_max > 524288)
		limits[RLIMIT_NOFILE].rlim_max = 524288;
}

/*
 * Where memory runs out, the kernel ends what is the agent's before what is the human's. A process of the agent's cannot
 * take this back: lower than what root has set needs root.
 */
static void be_ended_first(void)
{
	static const char points[] = "500";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* EACCES: a container lets nobody lower it, and it is higher already. */
	if (fd < 0 || (write(fd, points, sizeof points - 1) < 0 && errno != EACCES))
		fail("set the score for when memory runs out");
	close(fd);
}

/* The log's socket is opened while it can be seen, and by root: a run must not choose what it is. */
static void open_log(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_fd >= 0 && connect(log_fd, (struct sockaddr *)&to, sizeof to) != 0) {
		close(log_fd);
		log_fd = -1;
	}
}

/* One line a run: who, which agent, the command's own name, how it ended. Never an argument. */
static void write_log(const char *how)
{
	static char line[512], command[65], pid[NUMBER];
	const char *slash = strrchr(request.command[0], '/');
	const char *name = slash ? slash + 1 : request.command[0];
	size_t n;

	for (n = 0; name[n] != '\0' && n < sizeof command - 1; n++)
		command[n] = (name[n] > ' ' && name[n] <= '~' && name[n] != '"' && name[n] != '\\') ? name[n] : '?';
	join(line, sizeof line, "<86>su_as_agent[", decimal(pid, (uint32_t)waiter_pid), "]: ", caller_label, " ran \"",
	     command, "\" as ", policy.name, ": ", how);
	if (log_fd >= 0)
		(void)send(log_fd, line, strlen(line), MSG_NOSIGNAL);
}

/* Environment: built, then what AU_ENV_1, AU_ENV_2, ... hold as KEY=VALUE; a later one of a key takes its place. */
static char *variables[MAX_VARIABLES + 8];
static unsigned nvariables;

static void set_variable(char *variable)
{
	size_t key = strcspn(variable, "=") + 1;
	unsigned i = 0;

	while (i < nvariables && strncmp(variables[i], variable, key) != 0)
		i++;
	if (i == MAX_VARIABLES)
		die("more than 500 variables");
	variables[i] = variable;
	nvariables += i == nvariables;
}

static char *find_variable(const char *name, char **among)
{
	size_t n = strlen(name);

	for (; *among != NULL; among++)
		if (strncmp(*among, name, n) == 0 && (*among)[n] == '=')
			return *among + n + 1;
	return NULL;
}

static int is_assignment(const char *s)
{
	size_t key = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return key > 0 && s[key] == '=' && !(s[0] >= '0' && s[0] <= '9');
}

static void build_environment(void)
{
	static char home[MAX_PATH + 8], user[40], logname[40], shell[MAX_PATH + 8], runtime[40], number[NUMBER];
	static char path[MAX_PATH + MAX_POLICY + 32], name[24];

	join(home, sizeof home, "HOME=", policy.home);
	join(user, sizeof user, "USER=", policy.name);
	join(logname, sizeof logname, "LOGNAME=", policy.name);
	join(shell, sizeof shell, "SHELL=", policy.shell);
	join(path, sizeof path, "PATH=", policy.home, "/.local/bin:", policy.path ? policy.path : DEFAULT_PATH);
	join(runtime, sizeof runtime, "XDG_RUNTIME_DIR=/run/user/", decimal(number, policy.uid));
	set_variable(home);
	set_variable(user);
	set_variable(logname);
	set_variable(shell);
	set_variable(path);
	set_variable(runtime);
	for (uint32_t i = 1;; i++) {
		char *value;

		join(name, sizeof name, "AU_ENV_", decimal(number, i));
		value = find_variable(name, environ);
		if (value == NULL)
			return;
		if (!is_assignment(value))
			die(name, ": want KEY=VALUE");
		set_variable(value);
	}
}

/* What no process from here on can get by executing a file. Those that the kernel knows end with the first that it does not. */
static void drop_bounding_set(void)
{
	int cap = 0;

	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	if (errno != EINVAL || cap == 0)
		fail("drop the bounding set");
}

/* 17. Groups, gid, uid; then the proof. */
static void become_agent(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (setgroups(0, NULL) != 0 || setresgid(policy.gid, policy.gid, policy.gid) != 0 ||
	    setresuid(policy.uid, policy.uid, policy.uid) != 0)
		fail("become the agent");
	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0 || r != policy.uid || e != r || s != r ||
	    rg != policy.gid || eg != rg || sg != rg || getgroups(0, NULL) != 0)
		die("did not become the agent");
	if (setuid(0) == 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgid(0) == 0)
		die("could become root again");
}

static _Noreturn void outside_cgroup(unsigned i)
{
	die("cgroup ", policy.cgroups[i], ": ", error_text(errno), "; run: au stop --agent ", policy.name);
}

/* Forks the command, into cgroup v2's folder where the kernel can. */
static pid_t fork_command(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
	} how = { .flags = INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t command;

	if (unified >= 0) {
		how.cgroup = (uint64_t)cgroup_fds[unified];
		command = (pid_t)syscall(NR_CLONE3, &how, sizeof how);
		if (command >= 0) {
			born_in_unified = 1;
			return command;
		}
		/* Not known, or forbidden by a container. */
		if (errno != ENOSYS && errno != E2BIG && errno != EPERM)
			outside_cgroup((unsigned)unified);
	}
	command = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (command < 0)
		fail("fork");
	return command;
}

static void join_cgroups(void)
{
	for (unsigned i = 0; i < policy.ncgroups; i++) {
		int fd = cgroup_fds[i];

		if ((int)i == unified && born_in_unified)
			continue;
		if ((int)i == unified)
			fd = open_beneath(cgroup_fds[i], "cgroup.procs", O_WRONLY, RESOLVE_INSIDE);
		if (write(fd, "0", 1) != 1)
			outside_cgroup(i);
		close(fd);
	}
	if (unified >= 0)
		close(cgroup_fds[unified]);
}

/* In a container root may not raise a limit: there the highest it may have stands in. */
static void set_limits(void)
{
	for (int i = 0; i < MAX_RLIMITS; i++) {
		struct rlimit now;

		if (syscall(SYS_prlimit64, 0, i, &limits[i], &now) == 0)
			continue;
		if (errno != EPERM || syscall(SYS_prlimit64, 0, i, NULL, &now) != 0)
			fail("set the limits");
		if (limits[i].rlim_cur < now.rlim_max)
			now.rlim_cur = limits[i].rlim_cur;
		else
			now.rlim_cur = now.rlim_max;
		if (syscall(SYS_prlimit64, 0, i, &now, NULL) != 0)
			fail("set the limits");
	}
}

/* 18. A filter of root's needs no no_new_privs, so that a policy can allow set-uid programs and keep the rest. */
static void lock_down(void)
{
	if (!install_scopes())
		fail("set the Landlock scopes");
	if (!install_filter(policy.allowed & ALLOW_USERNS, policy.allowed & ALLOW_I386))
		fail("install the system call filter");
}

/* Says that a program is there, and what it names to load or interpret it is not. A line end of another system's is part of the name. */
static void say_interpreter(const char *file)
{
	char line[256], *name = line + 2;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = read(fd, line, sizeof line - 1);

	close(fd);
	line[n < 0 ? 0 : n] = '\0';
	if (strncmp(line, "#!", 2) != 0) {
		say(file, ": what loads it is missing: it was built for another system or C library");
		return;
	}
	name += strspn(name, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	say(file, ": its interpreter ", name, " is missing");
}

/* A script without #! is the shell's, as everywhere. argv has room before the command: NAME and "--" stood there. */
static int try(char *file, char **command)
{
	static char shell[] = "/bin/sh";

	execve(file, command, variables);
	if (errno == ENOENT && access(file, F_OK) == 0) {
		say_interpreter(file);
		_exit(126);
	}
	if (errno != ENOEXEC)
		return errno;
	command[-1] = shell;
	command[0] = file;
	execve(shell, command - 1, variables);
	return ENOEXEC;
}

/* Returns why the command could not become the process, looked for along PATH as a shell would. */
static int execute(char **command)
{
	static char path[2 * MAX_PATH];
	const char *folder = find_variable("PATH", variables);
	int error = ENOENT;

	if (strchr(command[0], '/') != NULL)
		return try(command[0], command);
	if (command[0][0] == '\0' || strlen(command[0]) > MAX_COMPONENT)
		return ENOENT;
	for (; folder != NULL; folder = strchr(folder, ':') ? strchr(folder, ':') + 1 : NULL) {
		size_t n = strcspn(folder, ":");
		int e;

		if (folder[0] != '/' || n > MAX_PATH)
			continue;
		memcpy(path, folder, n);
		join(path + n, sizeof path - n, "/", command[0]);
		e = try(path, command);
		if (e != ENOENT && e != ENOTDIR && e != EACCES)
			return e;
		if (e == EACCES)
			error = e;
	}
	return error;
}

/*
 * For this run alone, and gone with it. It is root's, and so are the four bytes for each key in it: an agent has 200 keys at
 * most, and one that has used them up would start no other run. A container may forbid the call; then nobody inside can use
 * a keyring either.
 */
static void make_keyring(void)
{
	if (syscall(SYS_keyctl, 1, NULL) < 0 && errno != ENOSYS && errno != EPERM)
		fail("make a session keyring");
}

/* The command's own process: joins the cgroup, gives everything up, and becomes it. */
static _Noreturn void run_command(void)
{
	sigset_t none;
	int error;

	setpgid(0, 0);
	if (terminal >= 0 && !start_in_background && tcsetpgrp(terminal, getpid()) != 0)
		fail("take the terminal's foreground");
	join_cgroups();
	make_keyring();
	lock_down();
	become_agent();
	if (!(policy.allowed & ALLOW_SETUID) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail("set no_new_privs");
	if (chdir(request.dir ? request.dir : policy.home) != 0)
		fail("enter ", request.dir ? request.dir : policy.home);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	error = execute(request.command);
	if (error == ENOENT) {
		say(request.command[0], ": command not found");
		_exit(127);
	}
	say(request.command[0], ": ", error_text(error));
	_exit(126);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Forgets what the human's environment held, and lets go of the ends of pipes that others wait for. */
static void forget(int highest)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= highest; fd++)
		if (null >= 0)
			dup2(null, fd);
	close(null);
}

/* Gives the terminal's foreground to the command's group, or takes it back; a shell inside may have given it away. */
static void move_foreground(int tty, pid_t command, int to)
{
	pid_t now = tcgetpgrp(tty);

	if (to == FOREGROUND_COMMAND && now == getpgrp())
		tcsetpgrp(tty, command);
	if (to == FOREGROUND_GUARD && now == command)
		tcsetpgrp(tty, getpgrp());
}

/* 19. Reaps everything; ends when the command has, or when the waiter's end of the link is gone. */
static _Noreturn void guard(pid_t command, int link)
{
	struct pollfd events[2];
	struct signalfd_siginfo info;
	struct message m = { 0, 0, 0 };
	sigset_t watched;
	int status, tty = terminal < 0 ? -1 : fcntl(terminal, F_DUPFD_CLOEXEC, 3);
	pid_t pid;

	if (policy.allowed & ALLOW_SETUID)
		drop_bounding_set();
	become_agent();
	for (char **e = environ; *e != NULL; e++)
		memset(*e, 0, strlen(*e));
	for (unsigned i = 0; i < policy.ncgroups; i++)
		close(cgroup_fds[i]);
	close(kills_fd);
	forget(2);
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGHUP);
	events[0] = (struct pollfd){ link, POLLIN, 0 };
	events[1] = (struct pollfd){ signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0 };
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || events[1].fd < 0)
		_exit(REFUSED);
	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
			if (pid != command)
				continue;
			if (!WIFSTOPPED(status))
				_exit(exit_status(status));
			m = (struct message){ (unsigned char)WSTOPSIG(status), 0, 0 };
			(void)send(link, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		poll(events, 2, -1);
		while (read(events[1].fd, &info, sizeof info) == sizeof info)
			if (info.ssi_signo == SIGHUP && info.ssi_code == SI_KERNEL) {
				/* The terminal is gone, and its kernel told the session's leader alone. */
				kill(-command, SIGHUP);
				kill(-command, SIGCONT);
			}
		if (events[0].revents == 0)
			continue;
		if (recv(link, &m, sizeof m, MSG_DONTWAIT) != sizeof m) {
			write_log("killed with its waiter");
			_exit(128 + SIGKILL);
		}
		move_foreground(tty, command, m.foreground);
		kill(m.to_group ? -command : command, m.signal);
	}
}

/* For shares, and for /run; -1 where there is none. */
struct id_maps {
	int shares, nobody;
};

/* 9 to 13, and 16. What the human mounts or unmounts later still reaches the run; nothing goes the other way. */
static void build_walls(const struct id_maps *maps)
{
	struct devices devices;
	struct blanks blanks;
	const char *memory;
	int sealed, state;

	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		fail("leave the machine's mounts");
	look_as(caller, caller_group);
	open_shares(&request, policy.home, caller, maps->shares);
	look_as(0, 0);
	make_runtime_place();
	memory = find_linked_memory();
	state = open_state(&policy);
	sealed = seal_run(&policy, maps->nobody);
	make_blanks(&blanks, policy.home);
	make_devices(&devices, &blanks, policy.allowed, terminal, memory);
	attach_blanks(&blanks);
	hide_strays(&blanks);
	mount_devices(&devices);
	hide_all(&policy, sealed, &blanks);
	close_blanks(&blanks);
	mount_temporary(state);
	mount_runtime(&policy);
	mount_proc();
	if (setgroups(0, NULL) != 0)
		fail("drop the groups");
	find_places(&request, &policy, caller);
	attach_shares(&request);
	look_as(0, 0);
}

/* Pid 1 of the run: as root until the walls stand and the command has been forked. */
static _Noreturn void inside(int link, const struct id_maps *maps)
{
	pid_t command;

	waiter_link = link;
	set_limits();
	be_ended_first();
	build_walls(maps);
	close(maps->shares);
	close(maps->nobody);
	take_terminal();
	if (!(policy.allowed & ALLOW_SETUID))
		drop_bounding_set();
	command = fork_command();
	if (command == 0) {
		close(link);
		run_command();
	}
	setpgid(command, command);
	guard(command, link);
}

/*
 * Stops as the command was stopped, so that the human's shell sees a stopped job; returns when continued. Where a
 * terminal's stop does nothing, because no shell is there that could continue us, a parent that watches still sees it.
 */
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

/*
 * What the terminal sends goes to the command's whole group, as it would have, and so does what au queues in the human's
 * terminal's stead (with SIGCONT: who is to have the foreground); what somebody else sends goes to the command.
 */
static void pass_on(int link, const struct signalfd_siginfo *info)
{
	struct message m = { (unsigned char)info->ssi_signo, 0, 0 };

	m.to_group = info->ssi_code == SI_KERNEL || info->ssi_code == SI_QUEUE || info->ssi_signo == SIGCONT;
	if (info->ssi_code == SI_QUEUE && info->ssi_signo == SIGCONT)
		m.foreground = (unsigned char)info->ssi_int;
	(void)send(link, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/*
 * What the caller wants done after the run, as AU_AFTER_1, AU_AFTER_2, ...: its argv. It ends as the run did. With
 * AU_AFTER_IF=kills it is for runs only in which the kernel has ended processes for want of memory, that somebody may
 * have ended, or whose command was not found or made a call of another ABI. signal is that by which the guard ended:
 * nobody inside can send it one.
 */
static void run_after(int status, int signal)
{
	static char *argv[MAX_AFTER + 1], name[24], told[32], counted[32], signalled[32], number[NUMBER];
	uint32_t kills = count_kills() - kills_before;
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
	nvariables = 0;
	for (char **e = environ; *e != NULL && nvariables < MAX_VARIABLES; e++)
		variables[nvariables++] = *e;
	variables[nvariables++] = told;
	variables[nvariables++] = join(counted, sizeof counted, "AU_KILLS=", decimal(number, kills));
	variables[nvariables++] = join(signalled, sizeof signalled, "AU_SIGNAL=", decimal(number, (uint32_t)signal));
	variables[nvariables] = NULL;
	umask(caller_umask);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(argv[0], argv, variables);
}

static void become_caller_again(void)
{
	uid_t r, e, s;

	if (setresgid(caller_group, caller_group, caller_group) != 0 || setresuid(caller, caller, caller) != 0 ||
	    getresuid(&r, &e, &s) != 0 || r != caller || e != caller || s != caller || setuid(0) == 0 ||
	    prctl(PR_SET_DUMPABLE, 0) != 0)
		die("did not become the caller again");
}

/*
 * 15. The caller again, who can kill this without sudo; the run ends with it. A run whose terminal is gone is given a
 * moment to notice.
 */
static int wait_outside(pid_t child, int link)
{
	static char text[24], number[NUMBER];
	struct signalfd_siginfo info;
	struct pollfd events[3];
	sigset_t watched = forwarded;
	struct message m;
	int status, signal, patience = -1;

	become_caller_again();
	for (unsigned i = 0; i < policy.ncgroups; i++)
		close(cgroup_fds[i]);
	sigaddset(&watched, SIGCHLD);
	events[0] = (struct pollfd){ link, POLLIN, 0 };
	events[1] = (struct pollfd){ signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0 };
	events[2] = (struct pollfd){ terminal < 0 ? -1 : fcntl(terminal, F_DUPFD_CLOEXEC, 3), 0, 0 };
	if (events[1].fd < 0 || (terminal >= 0 && events[2].fd < 0))
		fail("wait for the command");
	forget(1);
	while (waitpid(child, &status, WNOHANG) != child) {
		if (poll(events, 3, patience) == 0)
			return 128 + SIGHUP;
		while (read(events[1].fd, &info, sizeof info) == sizeof info)
			if (info.ssi_signo != SIGCHLD)
				pass_on(link, &info);
		if (events[0].revents != 0 && recv(link, &m, sizeof m, MSG_DONTWAIT) == sizeof m)
			stop_as(m.signal, terminal >= 0);
		else if (events[0].revents & POLLHUP)
			events[0].fd = -1;
		if (events[2].revents != 0) {
			events[0].fd = events[2].fd = -1;
			patience = HANGUP_GRACE;
		}
	}
	signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	status = exit_status(status);
	write_log(join(text, sizeof text, "exit ", decimal(number, (uint32_t)status)));
	run_after(status, signal);
	return status;
}

int main(int argc, char **argv)
{
	const char *wish;
	struct id_maps maps = { -1, -1 };
	int link[2];
	long child;

	seal_descriptors();
	check_identity();
	reset_process();
	if (argc < 1)
		die("su_as_agent: want the agent's name first");
	read_request(argv);
	read_policy();
	check_caller();
	build_environment();
	wish = find_variable("AU_TERMINAL", environ);
	start_in_background = wish != NULL && is(wish, "background");
	become_root();
	check_expiry();
	waiter_pid = getpid();
	check_descriptors();
	open_cgroups();
	open_log();
	read_limits();
	if (request.nshares > 0)
		maps.shares = map_for_shares(&request, caller, caller_group, policy.uid, policy.gid);
	if (!(policy.allowed & ALLOW_SETUID))
		maps.nobody = map_of_nobody();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0)
		fail("make the link to the run");
	child = syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (child < 0)
		fail("make the run's namespaces");
	if (child == 0) {
		close(link[0]);
		inside(link[1], &maps);
	}
	close(link[1]);
	close(maps.shares);
	close(maps.nobody);
	return wait_outside((pid_t)child, link[0]);
}
