#!/bin/sh
# A run is in the agent's cgroups or does not start; who waits for it is not.
. /opt/e2e/tests/attacks/common
ok enter -- cat /proc/self/cgroup
says "user-$agent.slice/au-agent.service"
start -- sleep 30
soon pgrep -u agent sleep
ok sh -c "! grep -l user-$agent.slice/au-agent /proc/$waiter/cgroup"
kill $waiter
wait
cp -p $policy /etc/au/kept
for path in nosuch/au-agent.service systemd/nosuch; do
	cp -p /etc/au/kept $policy
	echo "cgroup $path" >>$policy
	fails 125 enter -- true
	complains "au: cgroup $path: No such file or directory; run: sudo systemctl start au-agent.service"
done
mv /etc/au/kept $policy
ok enter -- true
