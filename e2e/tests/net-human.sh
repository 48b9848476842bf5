#!/bin/sh
# The human uses the network as before: on the agent's own source port, with much still to send, between their servers, with IPv6 alone.
# machines: bookworm
# machines by hand: trixie true
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
backends="nft iptables"
[ ! -e /dev/vda ] || backends=nft # an emulated machine is slow, and one is enough there
ok as alice au new -y
internet_up
cat >/run/internet/human.py <<'PYTHON'
"""ask HOST SPORT: a DNS question to HOST from that port. web HOST SPORT: what http://HOST/ says, asked from that port.
big HOST: sends 3,000,000 bytes to port 9000 and closes at once."""
import socket, struct, sys
what, host = sys.argv[1:3]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
def bound(kind):
    s = socket.socket(family, kind)
    s.settimeout(10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", int(sys.argv[3])))
    return s
if what == "ask":
    s = bound(socket.SOCK_DGRAM)
    name = b"".join(bytes([len(x)]) + x for x in (b"attacker", b"test")) + b"\0"
    s.sendto(struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1), (host, 53))
    answer = s.recv(500)
    print("real" if socket.inet_aton("203.0.113.66") in answer else "sinkhole")
elif what == "web":
    s = bound(socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)) # the port is free again at once
    s.connect((host, 80))
    s.sendall(b"GET / HTTP/1.1\r\nHost: attacker.test\r\nConnection: close\r\n\r\n")
    print(s.recv(1000).decode().split("\r\n")[0])
else:
    s = socket.create_connection((host, 9000), 10)
    s.sendall(b"x" * 3000000)
PYTHON
cat >/run/internet/count.py <<'PYTHON'
import socket, threading
def read(s):
    total = 0
    try:
        while data := s.recv(4096): total += len(data)
    except OSError: pass
    with open("/run/internet/came", "a") as file: file.write(f"{total}\n")
listener = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
while True: threading.Thread(target=read, args=(listener.accept()[0],)).start()
PYTHON
chmod 755 /run/internet /run/internet/human.py
(exec ip netns exec internet setsid python3 /run/internet/count.py >/run/internet/count.log 2>&1) &
soon sh -c 'ip netns exec internet ss -Hltn | grep -q :9000'
human() { as alice python3 /run/internet/human.py "$@"; }

for backend in $backends; do
	ok as alice au net restrict --backend $backend --allow allowed.test --allow-localhost 3210
	promise="with $backend: on one source port, agent and human in turn, each gets its own answer"
	port=41000
	for host in 203.0.113.66 2001:db8:2::66; do
		for first in agent human; do
			port=$((port + 1))
			for who in $first human agent human; do
				case $who in
				agent) ok agent python3 /run/internet/human.py ask $host $port; says_exactly sinkhole ;;
				human) ok human ask $host $port; says_exactly real ;;
				esac
			done
			for who in $first human agent human; do
				case $who in
				agent) ok agent python3 /run/internet/human.py web $host $port; says "403" ;;
				human) ok human web $host $port; says "200" ;;
				esac
			done
		done
	done

	promise="with $backend: of 3,000,000 bytes that a human sends before closing, all arrive"
	for host in 203.0.113.66 2001:db8:2::66; do
		: >/run/internet/came
		ok human big $host
		soon test -s /run/internet/came
		[ "$(cat /run/internet/came)" = 3000000 ] || fail "of 3000000 bytes to $host, $(cat /run/internet/came) arrived"
	done

	promise="with $backend: servers of the human's and of the agent's are reached as is allowed, over IPv4 and IPv6"
	for bind in 127.0.0.1 ::1; do
		at=$bind
		[ $bind = 127.0.0.1 ] || at="[::1]"
		as alice python3 -m http.server --bind $bind 3210 >/dev/null 2>&1 &
		as alice python3 -m http.server --bind $bind 3211 >/dev/null 2>&1 &
		agent python3 -m http.server --bind $bind 3212 >/dev/null 2>&1 &
		for port in 3210 3211 3212; do
			soon as alice curl -sS --max-time 5 "http://$at:$port/"
			says "Directory listing"
		done
		for port in 3210 3212; do
			ok agent curl -sS --max-time 5 "http://$at:$port/"
			says "Directory listing"
		done
		untouched agent curl -sS --max-time 5 "http://$at:3211/"
		says_not "Directory listing"
		for port in 3210 3211 3212; do fuser -k -s $port/tcp; done
		sleep 0.5
	done
done

promise="with IPv6 alone a restricted agent reaches what is allowed and nothing else, and the human everything"
ip route del default
ip addr flush dev up0 scope global
ip addr add 2001:db8:1::2/64 dev up0 nodad
ip -6 route replace default via 2001:db8:1::1
echo 'nameserver 2001:db8:2::53' >/etc/resolv.conf
for backend in $backends; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	soon agent curl -sS --max-time 20 https://allowed.test/
	says "INTERNET allowed.test 2001:db8:2::7"
	untouched agent curl -sS --max-time 10 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker"
	untouched agent curl -sS --max-time 10 -k 'https://[2001:db8:2::66]/'
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker's address"
	ok as alice curl -sS --max-time 20 https://attacker.test/
done
