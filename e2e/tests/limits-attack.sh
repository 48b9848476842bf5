#!/bin/sh
# The agent cannot leave its cgroup, change its limits, or talk the bus into it.
# machines: trixie true
# machines by hand: bookworm
# timeout: 1500
# second try: no
. /opt/e2e/lib.sh
ok as alice au new -y --mem 128M --tasks 60 --cpu 50%
uid=$(id -u agent)
slice=user-$uid.slice
state() {
	systemctl show "$slice" -p MemoryMax -p TasksMax -p CPUQuotaPerSecUSec
	find /sys/fs/cgroup -path "*/$slice/*" -name 'memory.max' -o -path "*/$slice/*" -name 'memory.limit_in_bytes' -o -path "*/$slice/*" -name 'pids.max' | sort | xargs grep .
}
state >/tmp/state

# refused COMMAND: as the agent, in a run and as root would start it, it fails and changes nothing.
refused() {
	e2e_run as alice au run sh -c "$1"
	[ "$e2e_status" != 0 ] || fail "the agent should not be able to: $1"
	e2e_run runuser -u agent -- sh -c "$1"
	[ "$e2e_status" != 0 ] || fail "a process with the agent's uid should not be able to: $1"
	state | cmp -s - /tmp/state || fail "the limits changed: $(state | diff /tmp/state -)"
}

promise="it cannot write to its cgroup, make one below or beside it, or move itself out"
# One run tries all of them: they are hundreds.
for folder in $(find /sys/fs/cgroup -type d -path "*$slice*") $(find /sys/fs/cgroup -maxdepth 2 -type d); do
	echo "mkdir $folder/escape"
	[ ! -e "$folder/cgroup.procs" ] || echo "echo 0 > $folder/cgroup.procs"
done >/usr/local/share/attacks
for file in memory.max memory.high memory.swap.max pids.max cpu.max cgroup.freeze cgroup.subtree_control memory.limit_in_bytes cpu.cfs_quota_us; do
	for path in $(find /sys/fs/cgroup -path "*$slice*" -name $file); do
		for value in max -1 0 9223372036854771712; do echo "echo $value > $path"; done
	done
done >>/usr/local/share/attacks
echo true >>/usr/local/share/attacks
tries=$(wc -l </usr/local/share/attacks)
[ "$tries" -gt 20 ] || fail "only $tries were found to try"
for as in "as alice au run" "runuser -u agent --"; do
	# shellcheck disable=SC2016,SC2086 # the agent's shell expands it; several words
	ok $as sh -c 'while read -r line; do (eval "$line") 2>/dev/null && echo "done: $line"; n=$((n + 1)); done <"$1"; echo "tried $n"' sh /usr/local/share/attacks
	says "tried $tries"
	[ "$(output | grep '^done: ')" = 'done: true' ] || fail "with '$as' it should be able to do nothing of that but true"
	state | cmp -s - /tmp/state || fail "the limits changed: $(state | diff /tmp/state -)"
done
promise="a cgroup of its own making, in namespaces of its own, does not help"
refused 'unshare --user --map-root-user --cgroup --mount sh -c "mount -t cgroup2 none /mnt && mkdir /mnt/escape"'

promise="it cannot talk systemd into it"
refused "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager SetUnitProperties 'sba(sv)' $slice false 1 MemoryMax t 18446744073709551615"
refused "systemctl --no-ask-password set-property $slice MemoryMax=infinity"
refused "systemctl --no-ask-password stop au-agent.service"
refused "systemctl --no-ask-password kill --signal=KILL au-agent.service"
refused "systemctl --no-ask-password daemon-reload"
refused "systemd-run --no-ask-password --slice=system.slice true"
refused "systemd-run --no-ask-password --scope true"
refused "systemd-run --user true"
refused "au slice set --agent agent MemoryMax=18446744073709551615"
refused "au slice restore --agent agent MemoryMax"
refused "kill -9 $(systemctl show -P MainPID au-agent.service)"
refused "echo x >> /etc/au/limits/agent"

promise="lingering, cron and at get it nowhere"
as alice au run loginctl enable-linger >/dev/null 2>&1
runuser -u agent -- loginctl enable-linger >/dev/null 2>&1
sleep 1
for pid in $(pgrep -u agent); do
	grep -q "$slice" "/proc/$pid/cgroup" 2>/dev/null || [ ! -e "/proc/$pid" ] || fail "process $pid of the agent is outside its slice: $(cat "/proc/$pid/cgroup")"
done
state | cmp -s - /tmp/state || fail "the limits changed"

promise="the record of what was there before is root's, and no lock of the agent's holds au up"
ok stat -c '%U %a' /etc/au/limits/agent
says_exactly "root 644"
ok sh -c 'test "$(stat -c "%U %a" /run/au.lock)" = "root 600"'

promise="after all that a hog still dies"
fails 137 as alice au run python3 -c 'x = bytearray(400 << 20)'
