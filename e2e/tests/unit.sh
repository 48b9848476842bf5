#!/bin/sh
# Every run is in the agent's unit, and a run that cannot join it is refused.
# machines: bookworm trixie
# machines by hand: true
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)

ok as alice au run sh -c 'cat /proc/self/cgroup; setsid sh -c "cat /proc/self/cgroup"'
grep -vE "au-agent.service|cpuset|devices|freezer|net_|perf|hugetlb|rdma|misc|blkio|io|cpuacct|cpu:/user.slice/user-$uid.slice" "$e2e/out" >"$e2e/rest"
[ ! -s "$e2e/rest" ] || fail "outside the unit: $(cat "$e2e/rest")"
says "au-agent.service"

promise="neither the agent nor a stranger can end the keeper or leave its cgroup"
keeper=$(systemctl show -P MainPID au-agent.service)
fails 1 sudo -u agent kill -9 "$keeper"
fails 1 as alice kill -9 "$keeper"
for procs in $(find /sys/fs/cgroup -path '*au-agent.service*' -name cgroup.procs) /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/memory/cgroup.procs; do
	[ ! -e "$procs" ] || fails 2 as alice au run sh -c "echo 0 > $procs"
done

promise="systemd knows whose the unit is, and attaches nobody's process to it"
ok systemctl show -P UID au-agent.service
says_exactly 0
as carol sleep 1000 &
soon pgrep -u carol sleep
fails 1 as carol busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
	AttachProcessesToUnit ssau au-agent.service / 1 "$(pgrep -u carol sleep)"
ok systemctl is-active au-agent.service
pkill -u carol sleep

promise="the keeper comes back when root kills it"
ok kill -9 "$keeper"
soon systemctl is-active au-agent.service
soon as alice au run true

promise="without the unit a run is refused, with the command that mends it"
ok systemctl stop "user-$uid.slice"
fails 125 as alice au run true
complains 'systemctl start au-agent.service'
fails 1 as alice au info
says 'sudo systemctl start au-agent.service'
ok systemctl start au-agent.service
ok as alice au run true

promise="stopping the unit ends all that the agent runs"
as alice sh -c 'au run sh -c "setsid sleep 1000 & sleep 1000"; echo $? > status' &
soon pgrep -u agent sleep
ok systemctl stop "user-$uid.slice"
fails 1 pgrep -u agent
wait

promise="an agent can be stopped again and again"
ok systemctl start au-agent.service
for _ in 1 2 3 4 5 6 7 8; do
	ok as alice au stop
done
ok as alice au run true
