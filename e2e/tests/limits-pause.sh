#!/bin/sh
# An agent can be paused, resumed and stopped: all of it at once, by its unit.
# timeout: 1500
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'au run sh -c "while sleep 0.1; do echo x >> ticks; done"' >/dev/null 2>&1 &
as alice sh -c 'au run sh -c "trap : TERM; setsid sleep 1000 & while :; do sleep 1; done"; echo $? > status' >/dev/null 2>&1 &
ticks=/home/agent/ticks
soon test -s $ticks
soon pgrep -u agent -x sleep
moves() {
	before=$(wc -c <$ticks)
	sleep 1
	[ "$(wc -c <$ticks)" != "$before" ]
}

promise="a paused agent stands still, and the human's side of the run does not"
ok moves
ok as alice au pause
moves && fail "the agent goes on"
ok as alice au top --once
says paused
ok as alice au info
says "paused"
ok as alice au pause
says_exactly "Agent agent is paused already; nothing to do"
waiters=$(pgrep -c -u alice -x su_as_agent)
for pid in $(pgrep -u alice -x su_as_agent); do
	grep -q au-agent.service "/proc/$pid/cgroup" && fail "the waiter is in the agent's cgroup"
	kill -0 "$pid" || fail "no waiter"
done
[ "$waiters" -ge 2 ] || fail "there should be a waiter for each run"

promise="a run of a paused agent is refused, with the command that lets it go on"
fails 125 as alice au run true
complains "au resume --agent agent"

promise="resumed, it goes on where it was"
ok as alice au resume
ok moves
ok as alice au run true
ok as alice au resume
says_exactly "Agent agent is running already; nothing to do"

promise="stop ends everything at once, what ignores SIGTERM too, and the agent can be used again"
ok as alice au stop
fails 1 pgrep -u agent
wait
ok cat /home/alice/status
ok as alice au run true
promise="what root started as the agent elsewhere is named, and not said to have ended"
runuser -u agent -- sleep 500 &
soon pgrep -u agent -x sleep
fails 1 as alice au stop
complains "still run: "
complains "sudo pkill -KILL -u agent"
ok pkill -KILL -u agent
promise="a paused agent can be stopped"
as alice au run sleep 1000 >/dev/null 2>&1 &
soon pgrep -u agent -x sleep
ok as alice au pause
ok as alice au stop
fails 1 pgrep -u agent
wait
ok as alice au run true
promise="...and deleted"
as alice au run sleep 1000 >/dev/null 2>&1 &
soon pgrep -u agent -x sleep
ok as alice au pause
ok as alice au delete -y -H
fails 1 id agent
fails 1 as alice au pause
