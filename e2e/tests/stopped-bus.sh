#!/bin/sh
# Where the bus is stopped, each command ends soon, and says what does not answer; what needs no bus works.
# machines: trixie
# machines by hand: bookworm
# waits: yes
. /opt/e2e/lib.sh
ok as alice au new -y --mem 1G
ok as alice au new -y -a netted
ok as alice au net restrict -a netted --allow api.example.com
bus=$(pgrep -f 'dbus-daemon --system|dbus-broker')
[ -n "$bus" ] || fail "no bus to stop"
trap 'kill -CONT $bus' EXIT

# in_time runs a command as alice, who logged in before the bus was stopped, for less than 30 seconds.
in_time() {
	timeout -k 1 30 runuser -u alice -- env HOME=/home/alice "$@"
}

# one_line says that the complaint is one line, and hints.
one_line() {
	[ "$(grep -vc 'au: hint: ' "$e2e/err")" = 1 ] || fail "it should have complained on one line"
}
cd /home/alice || exit
# shellcheck disable=SC2086 # several ids
kill -STOP $bus

promise="what asks systemd says that it does not answer"
fails 1 in_time au info
says 'systemd does not answer (systemctl show au-agent.service: no answer within 10s)'
says 'hint: systemctl status dbus.socket'
for words in "limits show" "limits set --mem 2G" "limits reset" "limits reset --mem"; do
	# shellcheck disable=SC2086 # several words
	fails 1 in_time au $words
	complains 'au: limit agent "agent": reach systemd over D-Bus: no answer within 10s'
	one_line
done
for words in "new -y" "new -y -a second --mem 1G" "delete -y"; do
	# shellcheck disable=SC2086 # several words
	fails 1 in_time au $words
	complains 'au: systemd does not answer (systemctl show au-'
	complains 'no answer within 10s'
	one_line
done
for words in "restrict --allow other.example.com" "allow other.example.com" "deny api.example.com" off; do
	# shellcheck disable=SC2086 # several words
	fails 1 in_time au net $words -a netted
	complains 'au: systemd does not answer (systemctl show au-net-'
	one_line
done
fails 1 in_time au delete -y -a netted
fails 1 in_time au net off -a agent
complains 'systemd does not answer'
[ ! -e /etc/au/agents/second ] || fail "an agent was made all the same"

promise="what the network does is shown all the same, and what is not known of it"
in_time au net status -a netted >$e2e/out 2>&1
says 'api.example.com'
says 'systemd does not answer'
ok in_time au net show -a netted
ok in_time au net why -a netted api.example.com
ok in_time au net log -a netted

promise="a run, and its end, need no bus"
ok in_time au run true
ok in_time au stop

promise="and then it works"
# shellcheck disable=SC2086 # several ids
kill -CONT $bus
ok as alice au limits set --mem 2G
ok as alice au info
ok as alice au delete -y
ok as alice au net allow -a netted other.example.com
ok as alice au net status -a netted
ok as alice au net off -a netted
ok as alice au delete -y -a netted
