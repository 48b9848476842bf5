#!/bin/sh
# An upgrade of a library does not end what an agent does, where needrestart restarts services by itself.
# machines: trixie
# machines by hand: bookworm
# flavour: others
. /opt/e2e/lib.sh
ok as alice au new -y
# The unit that this script runs in is left alone.
# shellcheck disable=SC2016 # Perl's
echo '$nrconf{override_rc}{qr(^run-)} = 0;' >/etc/needrestart/conf.d/script.conf
# upgrade replaces the C library, as a package would, and has needrestart restart what uses the old one.
upgrade() {
	library=$(ldd /bin/sleep | sed -n 's/.*=> \(.*libc.so.6\) .*/\1/p')
	cp -p "$library" "$library.new"
	mv "$library.new" "$library"
	before=$(systemctl show -P InvocationID systemd-udevd.service systemd-journald.service)
	ok env DEBIAN_FRONTEND=noninteractive needrestart -r a -l
	[ "$(systemctl show -P InvocationID systemd-udevd.service systemd-journald.service)" != "$before" ] || fail "nothing was restarted"
}
start() {
	as alice sh -c 'au run sleep 1000 2>err; echo $? >status' &
	soon pgrep -u agent -x sleep
}
start
upgrade
ok pgrep -u agent -x sleep
ok systemctl is-active au-agent.service
ok as alice au run true
ok pkill -u agent -x sleep
wait

promise="it is the unit's own doing"
mkdir -p /etc/systemd/system/au-agent.service.d
printf '[Unit]\nRefuseManualStop=no\n' >/etc/systemd/system/au-agent.service.d/e2e.conf
ok systemctl daemon-reload
start
upgrade
wait
[ "$(cat /home/alice/status)" = 143 ] || fail "the run went on"
ok cat /home/alice/err
says_exactly 'au: the run was ended because au-agent.service was stopped'
