#!/bin/sh
# IPv6 may go off and come back while an agent is restricted, and the machine's units start anew: what is allowed is reached all the while, and nothing else.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
addresses() {
	ip addr replace 2001:db8:1::2/64 dev up0 nodad
	ip -6 route replace default via 2001:db8:1::1
}
off() { sysctl -qw net.ipv6.conf.all.disable_ipv6=1; }
on() {
	sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0 net.ipv6.conf.up0.disable_ipv6=0
	ip addr replace ::1/128 dev lo
	addresses
}
again() { ok systemctl restart au-net@agent.socket au-net@agent.service; }
# reaches FAMILY…: the agent reaches what is allowed over each family, and nothing that is not.
reaches() {
	for family; do
		soon agent curl "$family" -sS --max-time 20 https://allowed.test/
		ok agent dig "$family" +time=5 +tries=2 "@$([ "$family" = -4 ] && echo 127.0.0.1 || echo ::1)" allowed.test
		says "203.0.113.7"
	done
	untouched agent curl -sS --max-time 5 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker"
	untouched agent curl -sS --max-time 5 -k 'https://[2001:db8:2::66]/'
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker over IPv6"
}

for backend in nft iptables; do
	promise="with $backend: IPv6 goes off, and the daemon and the rules start anew without it"
	on
	ok as alice au net restrict --backend $backend --allow allowed.test
	reaches -4 -6
	off
	reaches -4
	again
	reaches -4
	ok systemctl reload au-net-rules@agent.service
	ok as alice au net status
	reaches -4
	promise="with $backend: it comes back, and is as restricted as before"
	on
	reaches -4 -6
	promise="with $backend: where it is off when the agent is restricted, it can come later"
	ok as alice au net off
	off
	ok as alice au net restrict --backend $backend --allow allowed.test
	reaches -4
	on
	reaches -4 -6
	promise="with $backend: nobody else takes the daemon's ports on ::1 while IPv6 is off"
	off
	on
	port=$(sed -n 's/^proxy-port = //p' /etc/au/net/agent.toml)
	fails 1 as carol python3 -c "import socket; s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('::1', $port)); s.listen()"
	complains "Address already in use"
	ok as alice au net off
	[ -z "$(find /etc/systemd/system -name 'au-net*')" ] || fail "units stayed"
done
