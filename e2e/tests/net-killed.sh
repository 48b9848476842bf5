#!/bin/sh
# A restriction that is killed at whatever moment says what holds, is finished by the next, and leaves nothing that off does not take away.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
ok as alice au run true
# Somebody's rule in every chain: iptables makes its tables as they are first used, and never takes them away.
for command in iptables ip6tables; do
	for table in filter mangle raw nat; do $command -t $table -A OUTPUT -p tcp --dport 9998 -j RETURN; done
	$command -t mangle -A POSTROUTING -p tcp --dport 9998 -j RETURN
done
ok as alice au net restrict --allow allowed.test
ok as alice au net off
snapshot

# killed SECONDS WORDS… starts `au net restrict WORDS…` and kills it, not what it started, after that time.
killed() {
	after=$1
	shift
	as alice sh -c 'echo $$ >/tmp/au.pid; exec au net restrict "$@"' - "$@" >/run/printed 2>&1 </dev/null &
	starter=$!
	sleep "$after"
	kill -9 "$(cat /tmp/au.pid)" 2>/dev/null
	wait $starter
	sleep 0.5 # for the one command that it had started
	steps=$(grep -c '^\$' /run/printed)
}
round=0
while [ $((round += 1)) -le "${ROUNDS:-9}" ]; do
	backend=nft
	[ $((round % 2)) = 0 ] || backend=iptables
	promise="killed, round $round: either all of it holds, or the status does not say so"
	killed "$(awk "BEGIN { srand($round$$); print 0.05 + rand() * 0.9 }")" --backend $backend --allow allowed.test
	promise="$promise (after $steps steps, with $backend)"
	before=$(attacked)
	e2e_run agent curl -sS --max-time 5 https://attacker.test/
	if [ "$(attacked)" != "$before" ]; then
		e2e_run as alice au net status
		says_not "reaches this, and nothing else"
	fi
	if [ $((round % 3)) = 0 ]; then
		ok as alice au net restrict --backend $backend --allow allowed.test
		untouched agent curl -sS --max-time 5 https://attacker.test/
		soon agent curl -sS --max-time 5 https://allowed.test/
		ok as alice au net status
		says "reaches this, and nothing else"
	fi
	ok as alice au net off
	ok agent curl -sS --max-time 5 https://attacker.test/
	unchanged before
done
