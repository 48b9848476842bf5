#!/bin/bash
# Killed at any point, au new and au delete finish the job when they are run again.
# machines: trixie
# timeout: 1800
# second try: no
. /opt/e2e/lib.sh
. /opt/e2e/tests/stage/wrap.sh

as_before() { unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'; }
killed_at() {
	e2e_run at "$@"
	ended
	[ "$e2e_status" != 0 ] || fail "it should have been killed"
}

wrap_commands
ok as alice au new -y
ok as alice au delete -y -H
snapshot
ok at 999 KILL au new -y
ended
steps=$(counted)
snapshot made
ok at 999 KILL au delete -y -H
ended
undo=$(counted)
[ "$steps" -ge 20 ] && [ "$undo" -ge 8 ] || fail "only $steps and $undo commands were counted"
as_before

# Every fourth point is tried here, one way or the other in turn; the script tests try both at each, on a machine of files.
for n in $(seq 1 8 "$steps"); do
	promise="au new, whose root half is killed after command $n of $steps, is finished by au new"
	killed_at "$n" KILL au new -y
	complains 'au does not know what it did'
	complains 'au: hint: au delete --agent agent'
	ok as alice au new -y
	unchanged made '/etc/au/agents' 'passwd: agent' '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' 'shadow: agent'
	ok as alice au run true
	ok as alice au info
	ok as alice au delete -y -H
	as_before
done

for n in $(seq 5 8 "$steps"); do
	promise="au new, whose root half is killed after command $n of $steps, is cleaned up by au delete"
	killed_at "$n" KILL au new -y
	ok as alice au delete -y -H
	as_before
done

for n in $(seq 1 2 "$undo"); do
	promise="au delete, whose root half is killed after command $n of $undo, is finished by au delete"
	ok as alice au new -y
	killed_at "$n" KILL au delete -y -H
	e2e_run as alice au delete -y -H
	ok as alice au list
	says_exactly 'No agents configured.'
	as_before
done

# The last stage is whole when its last command is done, whoever reads that.
for n in $(seq 1 3 $((steps - 3))); do
	promise="au new, killed itself at command $n of $steps, has what root did taken back, or is finished by au new"
	killed_at "$n" CALLER au new -y
	ok as alice au list
	if [ "$(output)" = 'No agents configured.' ]; then
		as_before
	else
		ok as alice au new -y
		ok as alice au run true
		ok as alice au delete -y -H
		as_before
	fi
done

promise="au delete, killed itself, is finished by au delete"
for n in 1 $((undo / 2)) "$undo"; do
	ok as alice au new -y
	killed_at "$n" CALLER au delete -y -H
	e2e_run as alice au delete -y -H
	as_before
done
