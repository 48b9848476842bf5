/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run, as a model for Spin: the waiter, pid 1 (later the guard), the command, what the command leaves behind, the human and the kernel.
 *
 * The acts are those of the C, in its order: after "C: NAME" each call of that function stands in a "= CALLS" comment, and
 * TestModelFollowsTheOrder fails where the two differ. An act with a meaning here is a statement beside its comment.
 *
 * What is supposed: pid 1 of a pid namespace takes all of it along (pid_namespaces(7)); who may signal whom is as in
 * kill(2); a change of ids makes a process forget its parent-death signal (prctl(2)); what is started again gets on in the
 * end; neither direction of the link ever has more than four messages in it, because a human sends two signals and a command stops
 * twice. Each BROKEN_... takes one act out; csrc/prove/run shows that the property that needs it is then found to fail.
 */
#ifndef SIGNALS
#define SIGNALS 2
#endif

mtype = { FILE_OWNER /* the caller's real id, root's effective one */, ROOT, CALLER, AGENT }
mtype = { TERM, TSTP, CONT, HUP }

bool w = true, g, c, d; /* who is alive: waiter, guard, command, what it left behind */
mtype w_ids = FILE_OWNER, g_ids = ROOT, c_ids = ROOT, d_ids = ROOT;
bool w_stopped, c_stopped;
bool walls, joined, filtered, locked; /* locked: set-uid programs give nothing */
bool c_runs;  /* the command's own program, rather than the entrypoint */
bool c_ended; /* waited for by nobody yet */
bool c_told;  /* the guard has seen this stop */
bool dies_with_waiter; /* pid 1's parent-death signal */
bool far_end; /* the run holds the waiter's end of the link, too */
bool wants_end, terminal_gone, w_got_hup, g_got_hup; /* each is told once that the terminal is gone */
bool ask_term, ask_stop, w_term, w_tstp, w_cont;
byte budget = SIGNALS, stops = 2;
chan to_guard = [4] of { mtype };
chan to_waiter = [4] of { mtype };

#define nothing_left (!w && !g && !c && !d)
#define run_is_gone (!g && !c && !d)
#define may_signal_waiter (w && (w_ids == FILE_OWNER || w_ids == CALLER))

inline end_run() { g = false; c = false; d = false; c_stopped = false; c_runs = false }
inline end_waiter() {
	w = false; w_stopped = false;
	if
	:: dies_with_waiter -> end_run()
	:: else
	fi
}

active proctype waiter() {
	mtype m;
	{
	/* C: main */
	d_step { !w_stopped -> skip } /* = seal_descriptors check_identity reset_process die read_request read_policy check_caller tell_marks build_environment find_variable is */
#ifndef BROKEN_BECOME_ROOT
	d_step { !w_stopped -> w_ids = ROOT } /* = become_root */
#endif
	d_step { !w_stopped -> skip } /* = check_expiry getpid check_descriptors open_cgroups open_log read_limits lock_drafts map_for_shares map_of_nobody */
	/* C: fork_run */
	d_step { !w_stopped -> far_end = true } /* = note_start socketpair fail */
	d_step { !w_stopped -> g = true } /* = syscall fail */
	/* = close : the run's end */
	/* C: main again */
	/* = fork_run */
	/* = inside : pid 1's, below */
	/* = close close wait_outside */
	/* C: wait_outside */
#ifndef BROKEN_CALLER_AGAIN
	d_step { !w_stopped -> w_ids = CALLER } /* = become_caller_again log_start watch_mounts */
#endif
	/* = close sigaddset signalfd fcntl fail forget */
	do
	:: !w_stopped && !g -> break /* = waitpid */
#ifndef BROKEN_PATIENCE
	:: d_step { !w_stopped && g && w_got_hup -> end_waiter() } /* = poll */
#endif
	:: d_step { !w_stopped && g && w_term -> w_term = false; to_guard!TERM } /* = read pass_on */
	:: d_step { !w_stopped && g && w_tstp -> w_tstp = false; to_guard!TSTP }
	:: d_step { !w_stopped && g && w_cont -> w_cont = false; to_guard!CONT }
#ifndef BROKEN_STOP_AS
	:: d_step { !w_stopped && g && nempty(to_waiter) -> to_waiter?m; w_stopped = true } /* = hear stop_as */
#else
	:: d_step { !w_stopped && g && nempty(to_waiter) -> to_waiter?m }
#endif
	:: d_step { !w_stopped && g && terminal_gone && !w_got_hup -> w_got_hup = true }
	od;
	w;
	/* = hear WIFSIGNALED WTERMSIG exit_status write_log join decimal unlock_drafts run_after */
	d_step { !w_stopped -> end_waiter() }
	} unless { !w }
}

active proctype first() {
	mtype m;
	g;
	{
	/* from fork_run: its copy of the waiter's end */
#ifndef BROKEN_FAR_END
	d_step { g -> far_end = false }
#endif
	/* C: inside */
	/* = set_limits be_ended_first */
	/* C: build_walls */
	/* = mount fail */
	d_step { g -> dies_with_waiter = false }
#ifndef BROKEN_DIES_WITH_WAITER
	d_step { g -> dies_with_waiter = w } /* = look_as */
#endif
#ifndef BROKEN_LATE
	if /* that of a waiter which was gone before is not sent: it looks */
	:: w
	:: !w -> end_run()
	fi;
#endif
	if /* = open_shares : a file system that is dead may never answer */
	:: g -> skip
	:: g -> false
	fi;
	/* = look_as setgroups fail make_runtime_place look_as take_powers_over_files die_with_the_waiter */
	if /* = mount_drafts : nor may one below a draft */
	:: g -> skip
	:: g -> false
	fi;
	/* = take_every_power look_as find_linked_memory open_state seal_run make_blanks make_ways make_devices attach_blanks hide_strays mount_devices hide_all look_as */
	if /* = open_ways look_as : above a share, and so on a dead file system */
	:: g -> skip
	:: g -> false
	fi;
	/* = close_blanks mount_temporary mount_runtime mount_proc look_as */
	if /* = find_places attach_shares attach_own_paths look_as : in a share, and so on a dead file system */
	:: g -> skip
	:: g -> false
	fi;
	d_step { g -> walls = true }
	/* = close close */
	/* C: inside again */
	/* = build_walls take_terminal drop_bounding_set */
	d_step { g -> c = true } /* = fork_command */
	/* = close run_command : the command's, below */
	/* = setpgid guard */
	/* C: guard */
	/* = fcntl drop_bounding_set */
#ifndef BROKEN_GUARD_IDS
	d_step { g -> g_ids = AGENT; dies_with_waiter = false } /* = become_agent : not dumpable either, by prctl(2) */
#endif
	/* = memset strlen close close forget sigemptyset sigaddset sigaddset signalfd prctl prctl _exit */
	do
#ifndef BROKEN_GUARD_ENDS
	:: d_step { g && c_ended -> end_run() } /* = waitpid WIFSTOPPED ends_a_server tell _exit exit_status */
#endif
#ifndef BROKEN_TOLD
	:: d_step { g && c_stopped && !c_told -> c_told = true; to_waiter!TSTP } /* = tell WSTOPSIG */
#endif
	:: d_step { g && terminal_gone && !g_got_hup -> g_got_hup = true; ask_term = true } /* = poll read kill kill */
#ifndef BROKEN_LINK
	:: d_step { g && empty(to_guard) && !w && !far_end -> end_run() } /* = has_ended recv write_log end_the_others _exit */
#endif
	:: d_step { g && nempty(to_guard) -> to_guard?m; /* = move_foreground kill */
		if
		:: m == TERM -> ask_term = true
		:: m == TSTP -> ask_stop = true
#ifndef BROKEN_CONT
		:: m == CONT -> c_stopped = false; c_told = false; ask_stop = false
#endif
		:: else
		fi }
	od
	} unless { !g }
}

active proctype command() {
	c;
	{
	/* C: run_command */
	/* = setpgid tcsetpgrp getpid fail */
#ifndef BROKEN_JOIN
	d_step { c -> joined = true } /* = join_cgroups */
#endif
	/* = make_keyring */
#ifndef BROKEN_FILTER
	d_step { c -> filtered = true } /* = lock_down */
#endif
#ifndef BROKEN_IDS
	d_step { c -> c_ids = AGENT } /* = become_agent */
#endif
#ifndef BROKEN_LOCK
	d_step { c -> locked = true } /* = prctl fail */
#endif
	if /* = chdir fail : in a share */
	:: c -> skip
	:: c -> false
	fi;
	/* = sigemptyset sigprocmask */
	d_step { c -> c_runs = true } /* = execute */
	/* = say error_text _exit */
	do
	:: d_step { c && !c_stopped && ask_stop -> ask_stop = false; c_stopped = true; c_told = false }
	:: d_step { c && !c_stopped && ask_stop -> ask_stop = false }
	:: d_step { c && !c_stopped && stops > 0 -> stops--; c_stopped = true; c_told = false }
	:: d_step { c && !c_stopped && !d -> d = true; d_ids = c_ids }
	:: d_step { c && !c_stopped && !locked && c_ids == AGENT -> c_ids = ROOT } /* a set-uid program */
	:: d_step { c && !c_stopped && ask_term -> ask_term = false }
	:: c && !c_stopped -> break
	od;
	c;
	d_step { c -> c = false; c_runs = false; c_ended = true }
	} unless { !c }
}

/* With any signals there are, as long as there is a budget; and in the end, perhaps, the one that nobody can ignore. */
active proctype human() {
	do
	:: d_step { budget > 0 && may_signal_waiter -> budget--; w_term = true }
	:: d_step { budget > 0 && may_signal_waiter -> budget--; w_tstp = true }
	:: d_step { budget > 0 && may_signal_waiter -> budget--; w_stopped = true } /* SIGSTOP, which the waiter cannot pass on */
	:: d_step { may_signal_waiter && w_stopped -> w_stopped = false; w_cont = true }
	:: d_step { budget > 0 && !terminal_gone -> budget--; terminal_gone = true }
	:: d_step { !wants_end -> wants_end = true }
	:: !wants_end -> skip /* and perhaps never */
	:: d_step { wants_end && may_signal_waiter -> end_waiter() }
	od
}

/* The kernel, for want of memory: one process, at any time. */
active proctype memory_runs_out() {
	if
	:: d_step { g -> end_run() }
	:: d_step { c -> c = false; c_runs = false; c_stopped = false; c_ended = true }
	:: d_step { w && w_ids != FILE_OWNER -> end_waiter() }
	:: skip
	fi
}

/* No process of the agent's holds root, and none runs its program before the walls, the cgroup, the filter and the lock are there. */
ltl root { [] ((c_runs -> c_ids == AGENT && walls && joined && filtered && locked) && (d -> d_ids == AGENT)) }
ltl guard_too { [] (c_runs -> <> (g_ids == AGENT || !g)) }
/* Nothing survives the waiter, the command, or the terminal. */
ltl survives { [] (((!w && w_ids != FILE_OWNER) || c_ended) -> <> run_is_gone) }
ltl hangup { [] (terminal_gone -> <> (run_is_gone || w_stopped || w_ids != CALLER)) }
/* The human can always kill. */
ltl kill { [] (wants_end -> <> nothing_left) }
/* Who could act on the waiter while it is root, could act on root. */
ltl alone { [] ((w && g && w_ids != CALLER) -> w_ids == ROOT) }
/* A stopped run is seen, and goes on when the human says so. */
ltl seen { [] (c_stopped -> <> (w_stopped || !c_stopped)) }
ltl goes_on { [] ((w_cont && c_stopped) -> <> (!c_stopped || w_stopped)) }
