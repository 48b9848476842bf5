//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "resources.h"
#include <sys/un.h>
#include "kernel.h"
#include "paths.h"

enum { STACK_LIMIT = 8 << 20 };

// How many of the agent's processes the kernel has ended for want of memory: memory.events, or memory.oom_control in v1.
uint32_t count_kills(const struct run *run)
{
	static const char word[] = "\noom_kill ";
	static char text[512];
	ssize_t n = pread(run->kills, text, sizeof text - 1, 0);
	uint32_t kills = 0;
	const char *at;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, word);
	for (at = at ? at + sizeof word - 1 : ""; *at >= '0' && *at <= '9'; at++)
		kills = kills * 10 + (uint32_t)(*at - '0');
	return kills;
}

// 12. Opened here, joined by the command alone: the waiter and the guard must not freeze with it. Not by cgroup.procs, where that
// can be helped: the kernel then waits until no process forks or exits, which takes 10 ms and more on a machine where nobody has
// just done the same. A lone thread moves itself at once by v1's tasks, and into v2 it can be born (clone(2), Linux 5.7).
void open_cgroups(struct run *run)
{
	static char path[MAX_PATH + sizeof "/memory.oom_control"];
	int top = -1;

	for (unsigned i = 0; i < run->policy.ncgroups; i++) {
		if (top < 0)
			top = open_beneath(AT_FDCWD, "/sys/fs/cgroup", O_PATH | O_DIRECTORY, RESOLVE_PLAIN);
		join(path, sizeof path, run->policy.cgroups[i], "/tasks");
		run->cgroups[i] = open_beneath(top, path, O_WRONLY, RESOLVE_INSIDE);
		if (run->cgroups[i] < 0 && errno == ENOENT && run->unified < 0) {
			run->cgroups[i] = open_beneath(top, run->policy.cgroups[i], O_PATH | O_DIRECTORY, RESOLVE_INSIDE);
			run->unified = (int)i;
		}
		if (run->cgroups[i] < 0)
			die("cgroup ", run->policy.cgroups[i], ": ", error_text(errno), "; run: sudo systemctl start au-",
			    run->policy.name, ".service");
		join(path, sizeof path, run->policy.cgroups[i],
		     strncmp(run->policy.cgroups[i], "memory/", 7) == 0 ? "/memory.oom_control" : "/memory.events");
		if (run->kills < 0)
			run->kills = open_beneath(top, path, O_RDONLY, RESOLVE_INSIDE);
	}
	close(top);
	run->kills_before = count_kills(run);
}

_Noreturn void outside_cgroup(const struct run *run, unsigned i)
{
	die("cgroup ", run->policy.cgroups[i], ": ", error_text(errno), "; run: au stop --agent ", run->policy.name);
}

// 44. All, or there is no run.
void join_cgroups(const struct run *run)
{
	for (unsigned i = 0; i < run->policy.ncgroups; i++) {
		int fd = run->cgroups[i];

		if ((int)i == run->unified && run->born_in_unified)
			continue;
		if ((int)i == run->unified)
			fd = open_beneath(run->cgroups[i], "cgroup.procs", O_WRONLY, RESOLVE_INSIDE);
		if (write(fd, "0", 1) != 1)
			outside_cgroup(run, i);
		close(fd);
	}
	if (run->unified >= 0)
		close(run->cgroups[run->unified]);
}

// 14. The limits that the machine's first process has, for the command: the caller's own are the caller's.
void read_limits(struct run *run)
{
	for (int i = 0; i < MAX_RLIMITS; i++)
		if (syscall(SYS_prlimit64, 1, i, NULL, &run->limits[i]) != 0 &&
		    syscall(SYS_prlimit64, 0, i, NULL, &run->limits[i]) != 0)
			fail("read the limits");
	run->limits[RLIMIT_CORE].rlim_cur = 0;
	run->limits[RLIMIT_STACK] = (struct rlimit){ STACK_LIMIT, RLIM_INFINITY };
	run->limits[RLIMIT_NOFILE].rlim_cur = 1024;
	if (run->limits[RLIMIT_NOFILE].rlim_max > 524288)
		run->limits[RLIMIT_NOFILE].rlim_max = 524288;
}

// 20. In a container root may not raise a limit: there it takes the highest that it may have.
void set_limits(const struct run *run)
{
	for (int i = 0; i < MAX_RLIMITS; i++) {
		struct rlimit now;

		if (syscall(SYS_prlimit64, 0, i, &run->limits[i], &now) == 0)
			continue;
		if (errno != EPERM || syscall(SYS_prlimit64, 0, i, NULL, &now) != 0)
			fail("set the limits");
		now.rlim_cur = run->limits[i].rlim_cur < now.rlim_max ? run->limits[i].rlim_cur : now.rlim_max;
		if (syscall(SYS_prlimit64, 0, i, &now, NULL) != 0)
			fail("set the limits");
	}
}

// 21. Where memory runs out, the kernel ends what is the agent's before what is the human's. A process of the agent's cannot take
// this back: lower than what root has set needs root.
void be_ended_first(void)
{
	static const char points[] = "500";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	// EACCES: a container lets nobody lower it, and it is higher already.
	if (fd < 0 || (write(fd, points, sizeof points - 1) < 0 && errno != EACCES))
		fail("set the score for when memory runs out");
	close(fd);
}

// 13. The log's socket is opened while it can be seen, and by root: a run must not choose what it is.
void open_log(struct run *run)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	run->log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (run->log >= 0 && connect(run->log, (struct sockaddr *)&to, sizeof to) != 0) {
		close(run->log);
		run->log = -1;
	}
}

enum { LOG_LINE = 2048, LOG_MORE = 24 };

// The line about a run begins so: who, which agent, the command's own name. Never an argument.
static size_t begin_line(char line[LOG_LINE], const struct run *run, const char *verb)
{
	static char command[65], pid[NUMBER];
	const char *slash = strrchr(run->request.command[0], '/');
	const char *name = slash ? slash + 1 : run->request.command[0];
	size_t n;

	for (n = 0; name[n] != '\0' && n < sizeof command - 1; n++)
		command[n] = (name[n] > ' ' && name[n] <= '~' && name[n] != '"' && name[n] != '\\') ? name[n] : '?';
	join(line, LOG_LINE, "<86>su_as_agent[", decimal(pid, (uint32_t)run->waiter), "]: ", run->caller_label, verb, " \"",
	     command, "\" as ", run->policy.name, ": ");
	return strlen(line);
}

// A line at the end of a run: how it ended.
void write_log(const struct run *run, const char *how)
{
	static char line[LOG_LINE];
	size_t n = begin_line(line, run, " ran");

	join(line + n, LOG_LINE - n, how);
	if (run->log >= 0)
		(void)send(run->log, line, strlen(line), MSG_NOSIGNAL);
}

// When this process began, in ticks since the boot, as proc(5) has it: `au list` makes the id of a run of that and of the process's
// number. The name of the program is in parentheses before it, and may have any in it. "0" where nobody can tell.
static const char *own_start(void)
{
	enum { START = 22 - 2 };
	static char text[512];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	char *at;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (int field = 0; field < START && at != NULL; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || at[1] < '0' || at[1] > '9')
		return "0";
	at[1 + strspn(at + 1, "0123456789")] = '\0';
	return at + 1;
}

// A line at its beginning: the process that guards it, when its waiter began, where it starts, and its shares, as many as there is
// room for.
void log_start(const struct run *run, pid_t guard)
{
	static char line[LOG_LINE], path[LOG_LINE], number[NUMBER];
	const char *dir = quoted(path, LOG_LINE / 2, run->request.dir ? run->request.dir : run->policy.home);
	size_t n = begin_line(line, run, " runs"), left = 0;

	join(line + n, LOG_LINE - n, "guard ", decimal(number, (uint32_t)guard), ", began ", own_start(), ", in ",
	     dir ? dir : "\"\"");
	n = strlen(line);
	for (unsigned i = 0; i < run->request.nshares; i++) {
		const struct share *s = &run->request.shares[i];
		const char *kind = !s->writable ? ", read-only " : s->state ? ", draft " : ", read-write ";

		if (quoted(path, LOG_LINE, s->source) == NULL || n + strlen(kind) + strlen(path) + LOG_MORE > LOG_LINE) {
			left++;
			continue;
		}
		join(line + n, LOG_LINE - n, kind, path);
		n += strlen(line + n);
	}
	if (left > 0)
		join(line + n, LOG_LINE - n, ", ", decimal(number, (uint32_t)left), " more");
	if (run->log >= 0)
		(void)send(run->log, line, strlen(line), MSG_NOSIGNAL);
}
