#!/bin/sh
# au delete ends the agent's processes first, wherever they run, and says so when one will not die.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'au run sleep 1000; true' &
soon pgrep -u agent sleep
runuser -u agent -- sleep 2000 &
runuser -u agent -- sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' &
soon sh -c '[ "$(pgrep -u agent -c sleep)" -ge 3 ]'
ok as alice au delete -y -H
fails 1 pgrep -u "$(sed -n 's/^uid //p' /etc/au/agents/agent 2>/dev/null || echo 1003)"
fails 1 id agent

promise="one that cannot be killed is named, and nothing is taken from under it"
freezer=/sys/fs/cgroup/freezer/undead
mkdir $freezer 2>/dev/null || skip "no cgroup v1 freezer here to make a process that cannot be killed"
ok as alice au new -y
runuser -u agent -- sleep 3000 &
soon pgrep -u agent sleep
pid=$(pgrep -u agent sleep)
echo "$pid" >$freezer/cgroup.procs
echo FROZEN >$freezer/freezer.state
fails 1 as alice au delete -y -H
complains "processes of agent \"agent\" will not die: $pid sleep"
ok id agent
ok test -d /home/agent
echo THAWED >$freezer/freezer.state
soon sh -c '! pgrep -u agent'
ok as alice au delete -y -H
rmdir $freezer
