#!/bin/sh
# Settings that the human made on the agent's slice by hand are not lost, and a deleted agent leaves nothing to whoever gets its uid.
# machines: trixie
# machines by hand: bookworm
# timeout: 1500
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
slice=user-$uid.slice
mem() { systemctl show -P MemoryMax "$slice"; }
kernel_mem() { cat "/sys/fs/cgroup/user.slice/$slice/memory.max" "/sys/fs/cgroup/memory/user.slice/$slice/memory.limit_in_bytes" 2>/dev/null; }
# set_by WHO: who set the memory limit.
set_by() {
	ok as alice sh -c 'au limits show --json | jq -r .limits.mem.set_by'
	says_exactly "$1"
}
mem_is() {
	[ "$(mem) $(kernel_mem)" = "$1 $1" ] || fail "MemoryMax should be $1: systemd has $(mem), the kernel $(kernel_mem)"
}

promise="a reset gives back what the human had set with systemctl"
ok systemctl set-property "$slice" MemoryMax=3G MemoryLow=1M CPUQuota=90%
snapshot
ok as alice au limits set --mem 1G
mem_is 1073741824
ok as alice au limits set --mem 2G --tasks 500
mem_is 2147483648
set_by au
ok as alice sh -c 'au limits show --json | jq -r .limits.cpu.set_by'
says_exactly human
ok as alice au limits reset
mem_is 3221225472
unchanged
set_by human

promise="what the human sets after au is the human's: a reset leaves it alone"
ok as alice au limits set --mem 1G --tasks 500
ok systemctl set-property "$slice" MemoryMax=700M
set_by human
ok as alice au limits reset
mem_is 734003200

promise="...and is what a later reset gives back"
ok as alice au limits set --mem 1G
ok as alice au limits reset
mem_is 734003200

promise="what the human set until the next boot survives a reset as well"
ok systemctl revert "$slice"
ok systemctl set-property --runtime "$slice" MemoryMax=600M
ok as alice au limits set --mem 1G
mem_is 1073741824
ok as alice au limits reset
mem_is 629145600
ok test -e "/run/systemd/system.control/$slice.d/50-MemoryMax.conf"
fails 1 test -e "/etc/systemd/system.control/$slice.d"
ok systemctl revert "$slice"

promise="a file of the human's that would beat a limit at the next boot is named"
mkdir -p "/etc/systemd/system/$slice.d"
printf '[Slice]\nMemoryMax=9G\n' >"/etc/systemd/system/$slice.d/99-mine.conf"
ok as alice au limits set --mem 1G
complains "warning: /etc/systemd/system/$slice.d/99-mine.conf sets MemoryMax too"
mem_is 1073741824
ok systemctl daemon-reload
[ "$(mem)" = 9663676416 ] || fail "the warning is not true: systemd has $(mem)"
ok as alice au limits reset
rm -r "/etc/systemd/system/$slice.d"
ok systemctl daemon-reload

promise="a deleted agent leaves no limit behind, for the next one with its uid neither"
snapshot
ok as alice au delete -y -H
snapshot deleted
ok as alice au new -y --mem 1G --cpu 50% --tasks 100 --cpu-weight 7
[ "$(id -u agent)" = "$uid" ] || fail "the uid should have been free again"
ok as alice au delete -y -H
unchanged deleted
for left in "/etc/systemd/system.control/$slice.d" "/run/systemd/system.control/$slice.d" /etc/au; do
	[ ! -e "$left" ] || fail "left: $left"
done
ok useradd --create-home --uid "$uid" dora
ok runuser -l dora -c 'cat /proc/self/cgroup'
says "$slice"
[ "$(mem)" = infinity ] || fail "a new user with the uid inherits $(mem)"
[ "$(systemctl show -P CPUQuotaPerSecUSec "$slice")" = infinity ] || fail "a new user with the uid inherits a CPU quota"
