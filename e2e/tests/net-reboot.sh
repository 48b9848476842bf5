#!/bin/sh
# After a reboot the agent is as restricted as before, and what was given for a time has ended.
# timeout: 1800
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
if [ "$STAGE" = 1 ]; then
	ok as alice au new -y
	internet_up
	ok as alice au net restrict --allow allowed.test
	began=$(date +%s)
	ok as alice au net allow --for 2h mirror.test
	span=$((5 + 4 * ($(date +%s) - began))) # a busy machine takes longer for what is to happen meanwhile
	[ ! -e /dev/vda ] || span=150 # and so does an emulated one
	ok as alice au net allow --for ${span}s other.test
	date +%s -d "$span seconds" >/var/lib/e2e.end
	soon agent curl -sS --max-time 20 https://other.test/
	reboot_machine
fi
promise="the rules are there before anything of the agent's"
soon systemctl is-active au-agent.service
ok systemctl is-active au-net-rules@agent.service au-net-watch@agent.service au-net@agent.socket
ok nft list table inet "au_net_$(id -u agent)"
ok systemctl show -p After,Before au-net-rules@agent.service
says network-pre.target
ok systemctl show -p Requires "user-$(id -u agent).slice"
says au-net-rules@agent.service
rm -rf /run/internet
internet_up
soon agent curl -sS --max-time 20 https://allowed.test/
untouched agent curl -sS --max-time 5 https://attacker.test/
[ "$e2e_status" != 0 ] || fail "the agent reached the attacker"
promise="what was given for longer than the reboot took is still there"
soon agent curl -sS --max-time 20 https://mirror.test/
ok as alice au net status
says "mirror.test (until"
promise="what was given for a time has ended"
# A quick machine is up again before the time is over.
while [ "$(date +%s)" -le "$(cat /var/lib/e2e.end)" ]; do sleep 1; done
untouched agent curl -sS --max-time 5 https://other.test/
[ "$e2e_status" != 0 ] || fail "the agent reached what was given for seconds"
ok as alice au net status
says "other.test (ended"
