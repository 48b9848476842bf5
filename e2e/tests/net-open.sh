#!/bin/sh
# A connection that is open stays so through every change that still allows it, and ends with the first that does not.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
cat >/run/talk.py <<'PYTHON'
# Keeps one TLS connection, asks on it again and again, and says each time that there was an answer.
import socket, ssl, time
s = ssl.create_default_context().wrap_socket(socket.create_connection(("allowed.test", 443)), server_hostname="allowed.test")
s.settimeout(20)
while True:
    s.sendall(b"GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n")
    print("answered" if s.recv(5000) else exit("closed"), flush=True)
    time.sleep(0.1)
PYTHON

# talking starts the agent's connection; goes_on sees that it is used now, was_closed that it is not any more.
talking() {
	: >/run/talk # or what the last one said would be taken for it
	as alice au run -- python3 /dev/stdin </run/talk.py >/run/talk 2>&1 &
	talker=$!
	soon grep -q answered /run/talk
}
goes_on() {
	answers=$(grep -c answered /run/talk)
	sleep 0.5
	kill -0 $talker 2>/dev/null || fail "the connection ended: $(tail -n 3 /run/talk)"
	[ "$(grep -c answered /run/talk)" -gt "$answers" ] || soon sh -c "[ \$(grep -c answered /run/talk) -gt $answers ]"
}
was_closed() {
	soon sh -c "! kill -0 $talker 2>/dev/null"
	tail -n 3 /run/talk | grep -q 'reset by peer\|closed' || fail "it ended otherwise: $(tail -n 3 /run/talk)"
}

ok as alice au net restrict --backend nft --allow allowed.test
talking
for change in 'allow other.test' 'deny www.allowed.test' 'restrict --backend iptables --allow allowed.test --allow mirror.test' \
	'restrict --backend nft --allow allowed.test' 'restrict --dns 203.0.113.53' 'restrict --learn 1h' restrict 'allow localhost:3456'; do
	promise="a connection stays open through au net $change"
	ok as alice au net $change
	goes_on
done
promise="a daemon that is told again of what it has closes nothing"
ok systemctl reload au-net@agent.service
goes_on
for change in 'deny allowed.test' 'deny 203.0.113.7 2001:db8:2::7' 'restrict --allow other.test' 'restrict --proxy 3128' off; do
	promise="a connection ends with au net $change"
	kill -0 $talker 2>/dev/null || talking
	ok as alice au net $change
	was_closed
	ok as alice au net restrict --allow allowed.test --allow 203.0.113.7 --allow 2001:db8:2::7
	ok as alice au net restrict --allow allowed.test
done
