#!/bin/sh
# A run that somebody else ends says by what it was ended.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
# start COMMAND… runs it as the agent for alice; ended STATUS waits for its end, which has to be that one.
start() {
	as alice sh -c 'au run "$@" 2>err; echo $? >status' sh "$@" &
	soon pgrep -u agent -x sleep
}
ended() {
	wait
	[ "$(cat /home/alice/status)" = "$1" ] || fail "it ended with $(cat /home/alice/status), not $1"
	ok cat /home/alice/err
}

promise="a unit that is stopped with its slice is named"
start sleep 1000
ok systemctl stop "user-$uid.slice"
ended 143
says_exactly 'au: the run was ended because au-agent.service was stopped'
ok systemctl start au-agent.service

promise="so it is where a folder is shared for writing, and on a terminal"
mkdir /home/alice/work
chown alice: /home/alice/work
start --rw /home/alice/work sh -c 'sleep 1000; true'
ok as alice au stop
ended 143
says_exactly 'au: the run was ended because au-agent.service was stopped'
at_terminal alice au run sleep 1000 >/run/e2e/terminal &
soon pgrep -u agent -x sleep
ok as alice au stop
wait
ok cat /run/e2e/terminal
says 'au: the run was ended because au-agent.service was stopped'

promise="so it is where what does not heed SIGTERM is killed"
start sh -c 'trap "" TERM; sleep 1000; while :; do sleep 1; done'
ok as alice au stop
ended 137
says_exactly 'au: the run was ended because au-agent.service was stopped'

promise="the end of the keeper is the end of the unit"
start sleep 1000
ok kill -KILL "$(systemctl show -P MainPID au-agent.service)"
ended 143
says_exactly 'au: the run was ended because au-agent.service was stopped'
soon systemctl is-active au-agent.service

promise="what root kills around the command is said, whoever else it is that ends it says nothing"
start sleep 1000
ok pkill -KILL -u agent -x su_as_agent
ended 137
says_exactly 'au: the run was ended from outside, by signal 9 (SIGKILL)'
fails 143 as alice au run sh -c 'kill $$'
silent
start sleep 1000
ok as alice pkill -TERM -x su_as_agent
ended 143
silent

promise="nobody stops or restarts the unit by itself, as tools do that look for services with old libraries; with its slice it stops"
start sleep 1000
for verb in stop restart try-restart reload-or-restart; do
	fails 4 systemctl $verb au-agent.service
	complains 'refuse manual'
done
ok pgrep -u agent -x sleep
ok as alice au delete -y -H
ended 143
fails 1 id agent
