//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "intake.h"
#include <sys/personality.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <time.h>
#include "kernel.h"
#include "paths.h"

#define POLICY_FOLDER "/etc/au/agents/"
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

enum { SECONDS_A_DAY = 86400 };

// 1. Nothing is inherited but 0, 1 and 2, and those are open before anything else is opened or printed.
void seal_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0 || syscall(NR_CLOSE_RANGE, 3, ~0U, 0) != 0)
		_exit(REFUSED);
}

// 2. Root by the file's mode alone.
void check_identity(struct run *run)
{
	struct statvfs fs;

	run->caller = getuid();
	run->caller_group = getgid();
	if (run->caller == 0)
		die("start it as the human, not as root");
	if (geteuid() == 0 && prctl(PR_GET_SECUREBITS) == 0)
		return;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		die("no_new_privs is set (a sandbox or a container): no set-uid program can work here");
	if (statvfs("/proc/self/exe", &fs) == 0 && (fs.f_flag & ST_NOSUID))
		die("the entrypoint is on a file system mounted nosuid");
	die("not set-uid root, or being traced, or in a user namespace");
}

// 3. Nothing the caller set for itself bends what follows. A signal it ignores stays ignored by the waiter.
void reset_process(struct run *run)
{
	static const int passed_on[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM,
	};
	static const struct itimerval none;
	static const struct rlimit no_core;
	unsigned long before[8], standard[8] = { 0 };
	sigset_t every;

	sigemptyset(&run->forwarded);
	for (size_t i = 0; i < LENGTH(passed_on); i++)
		sigaddset(&run->forwarded, passed_on[i]);
	for (int signal = 1; signal <= LAST_SIGNAL; signal++) {
		// Not sigaction(), which keeps the C library's own signals from us.
		if (syscall(SYS_rt_sigaction, signal, standard, before, 8) == 0 &&
		    before[0] == (unsigned long)SIG_IGN && signal < SIGSYS)
			sigdelset(&run->forwarded, signal);
	}
	sigfillset(&every);
	sigprocmask(SIG_SETMASK, &every, NULL);
	setitimer(ITIMER_REAL, &none, NULL);
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	setitimer(ITIMER_PROF, &none, NULL);
	run->caller_umask = umask(022);
	personality(PER_LINUX);
	prctl(PR_SET_NAME, "su_as_agent"); // opened by an fd, it would be that number in ps and top
	if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		fail("reset the process");
	if (chdir("/") != 0)
		fail("enter /");
}

// 4. Nothing in it is used before all of it is right.
void read_request(struct run *run, char **argv)
{
	struct fault f = parse_request(&run->request, argv);

	if (f.want != NULL)
		die("su_as_agent: ", f.key ? f.key : "", f.key ? ": " : "", f.want);
}

// 5. The policy is root's word: a regular file that root owns and nobody else can write.
void read_policy(struct run *run)
{
	static char text[MAX_POLICY + 2], path[sizeof POLICY_FOLDER + MAX_NAME], line[NUMBER];
	struct fault f;
	size_t n = 0;
	ssize_t got = 1;
	int fd;

	join(path, sizeof path, POLICY_FOLDER, run->request.agent);
	fd = open_beneath(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, RESOLVE_PLAIN);
	if (fd < 0 && errno == ENOENT)
		die("no agent \"", run->request.agent, "\": ", path, " is missing");
	if (fd < 0)
		fail("policy ", path);
	if (!is_roots_file(fd))
		die("policy ", path, ": want a regular file that root owns and only root can write");
	for (; got > 0 && n <= MAX_POLICY; n += (size_t)got) {
		got = read(fd, text + n, MAX_POLICY + 1 - n);
		if (got < 0)
			fail("policy ", path);
	}
	close(fd);
	if (n > MAX_POLICY)
		die("policy ", path, ": want at most 32768 bytes");
	f = parse_policy(&run->policy, text, n);
	if (f.want != NULL && f.line == 0)
		die("policy ", path, ": ", f.key, " ", f.want);
	if (f.want != NULL)
		die("policy ", path, ": line ", decimal(line, f.line), ": ", f.key ? f.key : "", f.key ? ": " : "", f.want);
	if (!is(run->policy.name, run->request.agent))
		die("policy ", path, ": is for ", run->policy.name);
}

static int is_member(const struct run *run, gid_t group)
{
	static gid_t groups[65536];
	int n = getgroups(65536, groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return 1;
	return run->caller_group == group;
}

// 6. By uid, or by a group that the kernel says the caller is in.
void check_caller(struct run *run)
{
	static char number[NUMBER];
	const char *name = NULL;
	int may_enter;

	for (unsigned i = 0; i < run->policy.nhumans; i++)
		if (run->policy.humans[i].uid == run->caller)
			name = run->policy.humans[i].name;
	may_enter = name != NULL;
	for (unsigned i = 0; i < run->policy.ngroups; i++)
		may_enter |= is_member(run, run->policy.groups[i]);
	decimal(number, run->caller);
	if (run->caller == run->policy.uid)
		die("agent \"", run->policy.name, "\" may not enter itself");
	if (!may_enter)
		die("uid ", number, " may not enter agent \"", run->policy.name, "\"");
	join(run->caller_label, sizeof run->caller_label, name ? name : "", name ? " (uid " : "uid ", number, name ? ")" : "");
}

static void set_variable(struct run *run, char *variable)
{
	size_t key = strcspn(variable, "=") + 1;
	unsigned i = 0;

	while (i < run->nvariables && strncmp(run->variables[i], variable, key) != 0)
		i++;
	if (i == MAX_VARIABLES)
		die("more than 500 variables");
	run->variables[i] = variable;
	run->nvariables += i == run->nvariables;
}

char *find_variable(const char *name, char **among)
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

// 8. Built, then what AU_ENV_1, AU_ENV_2, ... hold as KEY=VALUE; a later one of a key takes its place.
void build_environment(struct run *run)
{
	static char home[MAX_PATH + 8], user[40], logname[40], shell[MAX_PATH + 8], runtime[40], number[NUMBER];
	static char path[MAX_PATH + MAX_POLICY + 32], name[24];
	const struct policy *p = &run->policy;

	set_variable(run, join(home, sizeof home, "HOME=", p->home));
	set_variable(run, join(user, sizeof user, "USER=", p->name));
	set_variable(run, join(logname, sizeof logname, "LOGNAME=", p->name));
	set_variable(run, join(shell, sizeof shell, "SHELL=", p->shell));
	set_variable(run, join(path, sizeof path, "PATH=", p->home, "/.local/bin:", p->path ? p->path : DEFAULT_PATH));
	set_variable(run, join(runtime, sizeof runtime, "XDG_RUNTIME_DIR=/run/user/", decimal(number, p->uid)));
	for (uint32_t i = 1;; i++) {
		char *value;

		join(name, sizeof name, "AU_ENV_", decimal(number, i));
		value = find_variable(name, environ);
		if (value == NULL)
			return;
		if (!is_assignment(value))
			die(name, ": want KEY=VALUE");
		set_variable(run, value);
	}
}

// 9. Root in every id: the caller can no longer signal or trace this process.
void become_root(void)
{
	if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		fail("become root");
}

// 10. The account has expired, so that no other door leads to the agent's uid: what it starts through sshd, su or cron would be
// outside these walls. Some that make accounts drop the expiry, so it is looked at before every run. /etc is root's, and what links
// there lead to is as well.
void check_expiry(const struct run *run)
{
	struct expiry e = { .name = run->policy.name };
	char text[1024];
	ssize_t got;
	int fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), expired;

	if (fd < 0)
		fail("account of agent \"", run->policy.name, "\": /etc/shadow");
	if (!is_roots_file(fd))
		die("/etc/shadow: want a regular file that root owns and only root can write");
	while (!e.known && (got = read(fd, text, sizeof text)) > 0)
		read_expiry(&e, text, (size_t)got);
	explicit_bzero(text, sizeof text);
	close(fd);
	expired = e.known && e.day > 0 && e.day < (uint32_t)(time(NULL) / SECONDS_A_DAY);
	if (run->request.check)
		_exit(expired ? 0 : 1);
	if (expired)
		return;
	say("agent \"", run->policy.name,
	    "\" is not run: its account is not expired, so it could log in to itself, outside of all walls");
	if (is_declared())
		die("hint: sudo nixos-rebuild switch");
	die("hint: sudo usermod --expiredate 1 ", run->policy.name);
}

// 11. Two of 0, 1 and 2 may be one terminal, which the caller made for this run: a pty's slave. When the run takes it, it shows
// whether it is already somebody's controlling terminal, as the human's own is. A folder would be a way out of the walls.
void check_descriptors(struct run *run)
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
		    major(st.st_rdev) > LAST_PTY || st.st_uid != run->caller || (device != 0 && device != st.st_rdev))
			die("descriptor ", number, ": want a terminal made for this run (au run makes one)");
		device = st.st_rdev;
		run->terminal = fd;
	}
}
