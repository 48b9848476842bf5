#!/bin/sh
# Where systemd is missing or the bus refuses, one clear error says so, and nothing is half set.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y --mem 1G
rm -rf /home/alice/.cache
snapshot

promise="no systemd"
mount -t tmpfs none /run/systemd
fails 1 as alice au limits set --mem 2G
complains 'au: limit agent "agent": systemd does not run this machine'
fails 1 as alice au limits show
fails 1 as alice au new -y -a second --mem 1G
complains "systemd does not run this machine"
umount /run/systemd
unchanged before /home/alice/.cache

promise="no bus"
mount --bind /dev/null /run/dbus/system_bus_socket
fails 1 as alice au limits set --mem 2G
complains 'au: limit agent "agent": reach systemd over D-Bus: '
complains systemctl
fails 1 as alice au new -y -a second --mem 1G
complains 'au: systemd does not answer'
fails 1 as alice au delete -y
complains 'could not stop the processes'
fails 1 as alice au info
says 'systemd does not answer'
promise="without a bus the agent's humans can enter, and one is let in and shut out"
ok as alice au run true
ok as alice au grant -y bob
ok as bob au run true
ok as alice au revoke bob
fails 125 as bob au run true
umount /run/dbus/system_bus_socket
unchanged before '/home/(alice|bob)/\.(cache|config)' '/etc/g?shadow-' '/etc/(passwd|group)-'

promise="a systemd that refuses"
slice=user-$(id -u agent).slice
ok systemctl mask "$slice"
ok systemctl daemon-reload
fails 1 as alice au limits set --mem 2G --cpu 50%
complains "set $slice over D-Bus: Unit $slice is masked"
ok systemctl unmask "$slice"
ok systemctl daemon-reload
unchanged before /home/alice/.cache

promise="a systemd that cannot write to disk"
kept=$(mktemp -d)
mv /etc/systemd/system.control "$kept/"
touch /etc/systemd/system.control
fails 1 as alice au limits set --tasks 500 --cpu 50%
complains "systemd cannot write /etc/systemd/system.control/$slice.d/50-"
rm /etc/systemd/system.control
mv "$kept/system.control" /etc/systemd/
[ "$(systemctl show -P CPUQuotaPerSecUSec "$slice")" = infinity ] || fail "the limit was set all the same"
unchanged before /home/alice/.cache

promise="and then it works"
ok as alice au limits set --mem 2G
ok as alice sh -c 'au limits show --json | jq -r .limits.mem.text'
says_exactly 2G

promise="a controller that is switched off"
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
	umount -l /sys/fs/cgroup/memory
	mount -o remount,rw /sys/fs/cgroup
	rmdir /sys/fs/cgroup/memory
	fails 1 as alice au limits set --mem 3G
	complains "--mem: the kernel's memory controller is switched off, so nothing would hold it"
	fails 1 as alice au new -y -a second --mem 1G
	complains "--mem: the kernel's memory controller is switched off, so nothing would hold it"
	[ ! -e /etc/au/agents/second ] || fail "an agent was made all the same"
	ok as alice au limits set --tasks 400
fi
