//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "command.h"
#include <sys/ioctl.h>
#include "filter.h"
#include "intake.h"
#include "resources.h"

#define INTO_CGROUP 0x200000000ULL // linux/sched.h: CLONE_INTO_CGROUP

// 40. The run's own session, and its terminal, which becomes the agent's in every sense.
void take_terminal(const struct run *run)
{
	if (setsid() < 0)
		fail("start a session");
	if (run->terminal < 0)
		return;
	if (ioctl(run->terminal, TIOCSCTTY, 0) != 0)
		die("the terminal is another session's: want one made for this run (au run makes one)");
	if (fchown(run->terminal, run->policy.uid, (gid_t)-1) != 0 || fchmod(run->terminal, 0600) != 0)
		fail("give the terminal to the agent");
}

// 41. The capabilities that no process from here on can get by executing a file. Those that the kernel knows end with the first
// that it does not.
void drop_bounding_set(void)
{
	int cap = 0;

	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	if (errno != EINVAL || cap == 0)
		fail("drop the bounding set");
}

// 47. Groups, gid, uid; then the proof.
void become_agent(const struct policy *p)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (setgroups(0, NULL) != 0 || setresgid(p->gid, p->gid, p->gid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0)
		fail("become the agent");
	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0 || r != p->uid || e != r || s != r ||
	    rg != p->gid || eg != rg || sg != rg || getgroups(0, NULL) != 0)
		die("did not become the agent");
	if (setuid(0) == 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgid(0) == 0)
		die("could become root again");
}

// 42. Forks the command, into cgroup v2's folder where the kernel can.
pid_t fork_command(struct run *run)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
	} how = { .flags = INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t command;

	if (run->unified >= 0) {
		how.cgroup = (uint64_t)run->cgroups[run->unified];
		command = (pid_t)syscall(NR_CLONE3, &how, sizeof how);
		if (command >= 0) {
			run->born_in_unified = 1;
			return command;
		}
		// Not known, or forbidden by a container.
		if (errno != ENOSYS && errno != E2BIG && errno != EPERM)
			outside_cgroup(run, (unsigned)run->unified);
	}
	command = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (command < 0)
		fail("fork");
	return command;
}

// 45. For this run alone, and gone with it. It is root's, and so are the four bytes for each key in it: an agent has 200 keys at
// most, and one that has used them up would start no other run. A container may forbid the call; then nobody inside can use a
// keyring either.
static void make_keyring(void)
{
	if (syscall(SYS_keyctl, 1, NULL) < 0 && errno != ENOSYS && errno != EPERM)
		fail("make a session keyring");
}

// 46. A filter of root's needs no no_new_privs, so that a policy can allow set-uid programs and keep the rest.
static void lock_down(const struct run *run)
{
	if (!install_scopes())
		fail("set the Landlock scopes");
	if (!install_filter(run->policy.allowed & ALLOW_USERNS, run->policy.allowed & ALLOW_I386))
		fail("install the system call filter");
}

// Says that a program is there, and what it names to load or interpret it is not. A line end of another system is part of the name.
static void say_interpreter(const char *file)
{
	char line[256], *name = line + 2;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = read(fd, line, sizeof line - 1);

	close(fd);
	line[n < 0 ? 0 : n] = '\0';
	if (strncmp(line, "#!", 2) != 0) {
		say(file, ": its loader is missing: it was built for another system or C library");
		return;
	}
	name += strspn(name, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	say(file, ": its interpreter ", name, " is missing");
}

// A script without #! is the shell's, as everywhere. argv has room before the command: NAME and "--" were there.
static int try(char *file, char **command, char **variables)
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

// 49. Returns why the command could not become the process, looked for along PATH as a shell would.
static int execute(char **command, char **variables)
{
	static char path[2 * MAX_PATH];
	const char *folder = find_variable("PATH", variables);
	int error = ENOENT;

	if (strchr(command[0], '/') != NULL)
		return try(command[0], command, variables);
	if (command[0][0] == '\0' || strlen(command[0]) > MAX_COMPONENT)
		return ENOENT;
	for (; folder != NULL; folder = strchr(folder, ':') ? strchr(folder, ':') + 1 : NULL) {
		size_t n = strcspn(folder, ":");
		int e;

		if (folder[0] != '/' || n > MAX_PATH)
			continue;
		memcpy(path, folder, n);
		join(path + n, sizeof path - n, "/", command[0]);
		e = try(path, command, variables);
		if (e != ENOENT && e != ENOTDIR && e != EACCES)
			return e;
		if (e == EACCES)
			error = e;
	}
	return error;
}

// The command's own process: joins the cgroup, gives everything up, and becomes it.
_Noreturn void run_command(struct run *run)
{
	sigset_t none;
	int error;

	setpgid(0, 0);
	if (run->terminal >= 0 && !run->in_background && tcsetpgrp(run->terminal, getpid()) != 0)
		fail("take the terminal's foreground");
	join_cgroups(run);
	make_keyring();
	lock_down(run);
	become_agent(&run->policy);
	if (!(run->policy.allowed & ALLOW_SETUID) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail("set no_new_privs");
	if (chdir(run->request.dir ? run->request.dir : run->policy.home) != 0)
		fail("enter ", run->request.dir ? run->request.dir : run->policy.home);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	error = execute(run->request.command, run->variables);
	say(run->request.command[0], ": ", error == ENOENT ? "command not found" : error_text(error));
	_exit(error == ENOENT ? 127 : 126);
}
