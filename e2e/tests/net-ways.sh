#!/bin/sh
# Each way out that a socket gives is open without restriction, and with it nothing leaves the machine.
# timeout: 5400
# machines: bookworm
# machines by hand: trixie true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ways=/opt/e2e/tests/internet/ways.py
backends="nft iptables"
[ ! -e /dev/vda ] || backends=nft # an emulated machine is slow, and one is enough there
ok as alice au new -y
internet_up
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range
sleep 1

# take WAY… takes a way as the agent; $left is how many packets left the machine.
take() {
	before=$(on_wire)
	e2e_run agent python3 $ways "$@"
	sleep 0.2
	left=$(($(on_wire) - before))
}

promise="nothing but the agent sends, so that what is counted is the agent's"
before=$(on_wire)
ok agent true
sleep 1
[ "$(on_wire)" = "$before" ] || fail "$(($(on_wire) - before)) packets left by themselves"

promise="without restriction each is a way out, or there is no such socket"
open='' closed=''
for way in $(python3 $ways); do
	take "$way"
	if [ "$left" -gt 0 ]; then
		open="$open $way"
	elif [ "$e2e_status" = 3 ]; then
		closed="$closed $way"
	else
		fail "$way is no way out"
	fi
done
echo "open:$open"
echo "no such socket for an agent:$closed"
for way in tcp tcp-6 quic-6 dns dns-tcp fragments device multicast broadcast link-local mapped routing-header; do
	case "$open " in *" $way "*) ;; *) fail "$way is not open" ;; esac
done

for backend in $backends; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	for way in $open $closed; do
		promise="with $backend: nothing leaves by $way"
		take "$way"
		[ "$left" = 0 ] || fail "$left packets left the machine"
		says_not INTERNET
	done
	promise="with $backend: a name that is not allowed is not asked of the resolver, whatever it carries"
	: >/run/internet/dns.log
	for name in secret.attacker.test secret.allowed.test secret.www.allowed.test; do
		untouched agent dig +time=2 +tries=1 $name
		untouched agent dig +time=2 +tries=1 +tcp TXT $name
		untouched agent dig +time=2 +tries=1 @127.0.0.1 -p "$(sed -n 's/^dns-port = //p' /etc/au/net/agent.toml)" NULL $name
		untouched agent getent hosts $name
	done
	! grep secret /run/internet/dns.log || fail "a name left the machine"
	ok as alice dig +time=2 +tries=1 secret.allowed.test
	grep -q secret /run/internet/dns.log || fail "the resolver sees no names, so that this would show nothing"
done
