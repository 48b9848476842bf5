//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
//
// su_as_agent: runs one command as an agent, for a human whom root's policy file lets in. Installed set-uid root.
//
//     su_as_agent NAME [--dir DIR] [--[try-][acl-][same-]ro|rw SOURCE TARGET]... [--worktree PATH]...
//                 [--[try-][same-]draft|hiding-draft|hiding-ro SOURCE TARGET STATE]... -- COMMAND [ARG]...
//     su_as_agent NAME --check
//     su_as_agent NAME --draft-marks STATE
//
// It ends as the command does, with 128+N for signal N; 125 when it refuses, 126 and 127 when COMMAND cannot be run. --check runs
// nothing: 0 when the agent's account is expired, as a run needs it, 1 when it is not. --draft-marks tells what the
// kernel noted of the files in a draft (drafts.c); 1 when the draft is still open somewhere.
//
// Three processes. The caller's own checks, forks and then waits as the caller again, so that the human can kill it. Its child, pid
// 1 of a new pid namespace, builds the walls, forks the command, and then guards it as the agent. It reaps, passes signals on, and
// leaves, taking everything with it, when the command or the waiter has ended.
//
// Every path is opened, by fd, with the file-system identity of the party whose authority is used; root's own authority is used
// only on fds. No heap, no stdio, no name service; an error is one line and exit 125.
//
// Its acts, in their order. A defence that one of them is can be taken out (e2e/mutants.tsv), and an attack (e2e/tests/attacks)
// then succeeds. As: "file" is the caller but for the effective ids, which are root's; with a star it is so for files alone.
//
//  n  act                process  as       taken out as: attacks
//  1  seal_descriptors   waiter   file     descriptors: inherited
//  2  check_identity     waiter   file     securebits not-root: inherited stranger
//  3  reset_process      waiter   file     signals timers personality umask: inherited
//  4  read_request       waiter   file     clean-paths bound-of-shares messages worktrees-counted: arguments same-path
//  5  read_policy        waiter   file     policy-* names: policy
//  6  check_caller       waiter   file     who-may-enter not-the-agent: stranger
//  7  tell_marks         waiter   caller*  draft-marks-* draft-open draft-open-marks: drafts
//  8  build_environment  waiter   file     assignments bound-of-variables: arguments
//  9  become_root        waiter   root     root-in-every-id: set-up
// 10  check_expiry       waiter   root     expired*: expiry
// 11  check_descriptors  waiter   root     no-*-as-input terminal-of-the-caller terminal-is-one: arguments terminal
// 12  open_cgroups       waiter   root     cgroup-or-nothing: cgroup
// 13  open_log           waiter   root     log-opened: log
// 14  read_limits        waiter   root     limits-of-init: inherited
// 15  lock_drafts        waiter   caller*  draft-state-* draft-lock draft-open-run: drafts
// 16  map_for_shares     waiter   root     id-map-of-one other-groups-nobodys groups-*: share-content
// 17  map_of_nobody      waiter   root     seal-nobody: walls
// 18  fork_run           waiter   root     *-namespace: killed walls share-content
// 19  wait_outside       waiter   caller   waiter-* log-line* draft-lock-[aw]* after-* look-*: killed set-up log drafts after looks
// 20  set_limits         pid 1    root     limits: inherited
// 21  be_ended_first     pid 1    root     ended-first: inherited
// 22  mount              pid 1    root     own-mounts human-unmounts: share-content
// 23  open_shares        pid 1    caller*  source-* file-* share-* left-out-*: share-source file share-content share-left-out race
// 24  setgroups          pid 1    root     groups: inherited
// 25  mount_drafts       pid 1    agent*   draft-*: drafts hidden
// 26  open_state         pid 1    root     temporary-of-root temporary-closed temporary-in-memory: walls
// 27  seal_run           pid 1    root     seal seal-private: walls
// 28  make_ways          pid 1    root     same-path-[bcln]* worktrees-[blo]* worktrees-closed: same-path
// 29  make_devices       pid 1    root     devices-by-switch: devices
// 30  hide_strays        pid 1    root     strays*: mounts
// 31  mount_devices      pid 1    root     own-[dqt]* bound-of-terminals ptmx-covered linked-memory: devices links
// 32  hide_all           pid 1    root     hide hide-* links-*: walls links
// 33  open_ways          pid 1    agent*   same-path-shut same-path-each-way: same-path
// 34  mount_temporary    pid 1    root     temporary temporary-nosuid-nodev temporary-bounded temporary-left: walls
// 35  mount_runtime      pid 1    root     runtime: walls
// 36  mount_proc         pid 1    root     proc hidepid: walls
// 37  find_places        pid 1    agent*   target-* file-target* home-owner paths-* places-*: share-target file share-left-out race
// 38  attach_shares      pid 1    agent*   copied-at-once: same-path
// 39  attach_own_paths   pid 1    agent*   same-path-place same-path-inode same-path-o* same-path-swapped: same-path swaps
// 40  take_terminal      pid 1    root     own-session terminal-of-nobody terminal-closed: terminal
// 41  drop_bounding_set  pid 1    root     bounding-set: root-again
// 42  fork_command       pid 1    root     command-apart: killed
// 43  guard              pid 1    agent    guard-* ends-with-the-waiter draft-lock-guard: killed root-again drafts
// 44  join_cgroups       command  root     cgroup-joined: cgroup
// 45  make_keyring       command  root     keyring: inherited
// 46  lock_down          command  root     filter-* scopes: set-uid-file sockets terminal inherited looks
// 47  become_agent       command  agent    drop-*: root-again
// 48  prctl              command  agent    no-new-privs: root-again
// 49  execute            command  agent    environment: inherited
#include "run.h"
#include <sched.h>
#include <sys/mount.h>
#include "command.h"
#include "devices.h"
#include "drafts.h"
#include "guard.h"
#include "intake.h"
#include "kernel.h"
#include "resources.h"
#include "unchanged.h"
#include "waiter.h"

// A change of ids, or of powers, also forgets that this process dies with the waiter, so this sets it again. Of one that had gone
// before there is no signal, and what is opened next may never answer.
static void die_with_the_waiter(const struct run *run)
{
	struct pollfd hangup = { run->link, 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&hangup, 1, 0) != 0)
		_exit(REFUSED);
}

static void look_as(const struct run *run, uid_t uid, gid_t gid)
{
	take_file_ids(uid, gid);
	die_with_the_waiter(run);
}

// The human's later mounts and unmounts still reach the run; nothing goes the other way.
static void build_walls(struct run *run)
{
	const struct policy *p = &run->policy;
	const struct owners of = { p->uid, run->caller };
	struct devices devices;
	struct blanks blanks;
	const char *memory;
	int sealed, state;

	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		fail("leave the machine's mounts");
	look_as(run, run->caller, run->caller_group);
	open_shares(&run->shares, &run->request, p->home, run->caller, run->map_for_shares);
	look_as(run, 0, 0);
	if (setgroups(0, NULL) != 0)
		fail("drop the groups");
	make_runtime_place();
	if (run->request.nstates > 0) {
		look_as(run, p->uid, p->gid);
		take_powers_over_files();
		die_with_the_waiter(run);
		mount_drafts(&run->shares, &run->request, p->home);
		take_every_power();
		look_as(run, 0, 0);
	}
	memory = find_linked_memory();
	state = open_state(p);
	sealed = seal_run(p, run->map_of_nobody);
	make_blanks(&blanks, p->home);
	make_ways(&run->shares, &run->request, &blanks);
	make_devices(&devices, &blanks, p->allowed, run->terminal, memory);
	attach_blanks(&blanks);
	hide_strays(&blanks);
	mount_devices(&devices);
	hide_all(p, sealed, &blanks);
	look_as(run, p->uid, p->gid);
	open_ways(&run->shares, &run->request, &blanks);
	look_as(run, 0, 0);
	close_blanks(&blanks);
	mount_temporary(state);
	mount_runtime(p);
	mount_proc();
	look_as(run, p->uid, p->gid);
	find_places(&run->shares, &run->request, p, &of);
	attach_shares(&run->shares, &run->request);
	attach_own_paths(&run->shares, &run->request, &of);
	look_as(run, 0, 0);
	close(run->map_for_shares);
	close(run->map_of_nobody);
}

// Pid 1 of the run: as root until the walls are built and the command has been forked.
static _Noreturn void inside(struct run *run)
{
	pid_t command;

	set_limits(run);
	be_ended_first();
	build_walls(run);
	take_terminal(run);
	if (!(run->policy.allowed & ALLOW_SETUID))
		drop_bounding_set();
	command = fork_command(run);
	if (command == 0) {
		close(run->link);
		run_command(run);
	}
	setpgid(command, command);
	guard(run, command);
}

// 18. The waiter gets one end of the link, the run the other, and nobody both.
static pid_t fork_run(struct run *run)
{
	int link[2];
	long child;

	note_start(run);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) != 0)
		fail("make the link to the run");
	child = syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (child < 0)
		fail("make the run's namespaces");
	run->link = link[child == 0];
	close(link[child != 0]);
	return (pid_t)child;
}

int main(int argc, char **argv)
{
	static struct run run;
	const char *wish;
	pid_t child;

	run.link = run.log = run.kills = run.terminal = run.map_for_shares = run.map_of_nobody = run.unified = run.mounts = -1;
	seal_descriptors();
	check_identity(&run);
	reset_process(&run);
	if (argc < 1)
		die("su_as_agent: want the agent's name first");
	read_request(&run, argv);
	read_policy(&run);
	check_caller(&run);
	if (run.request.marks != NULL)
		tell_marks(run.request.marks, run.caller, run.caller_group);
	build_environment(&run);
	wish = find_variable("AU_TERMINAL", environ);
	run.in_background = wish != NULL && is(wish, "background");
	become_root();
	check_expiry(&run);
	run.waiter = getpid();
	check_descriptors(&run);
	open_cgroups(&run);
	open_log(&run);
	read_limits(&run);
	if (run.request.nstates > 0)
		lock_drafts(&run.shares, &run.request, run.policy.home, run.caller, run.caller_group);
	if (run.request.nshares > 0)
		run.map_for_shares = map_for_shares(&run.request, run.caller, run.caller_group, run.policy.uid, run.policy.gid);
	if (!(run.policy.allowed & ALLOW_SETUID))
		run.map_of_nobody = map_of_nobody();
	child = fork_run(&run);
	if (child == 0)
		inside(&run);
	close(run.map_for_shares);
	close(run.map_of_nobody);
	return wait_outside(&run, child);
}
