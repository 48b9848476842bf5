#!/bin/sh
# From outside, a port on which a restricted agent listens is as one on which nobody does; on this machine the agent's servers are reached.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
command -v nft >/dev/null || skip "no nft"
ok as alice au new -y
internet_up
cat >/run/internet/listen.py <<'PYTHON'
import socket, time
tcp = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind(("::", 8000))
print("listening", flush=True)
while True: tcp.accept()[0].sendall(b"the agent's")
PYTHON
cat >/run/internet/knock.py <<'PYTHON'
# Says what comes of a connection and of a datagram to a port.
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
try: print("tcp", socket.create_connection((host, port), 3).recv(100))
except OSError as err: print("tcp", err)
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((host, port))
try:
    s.send(b"x")
    print("udp", s.recv(100))
except OSError as err: print("udp", err)
PYTHON
chmod 755 /run/internet /run/internet/*.py
knock() { ip netns exec internet python3 /run/internet/knock.py "$@"; }
as alice au run -- python3 /run/internet/listen.py >/run/internet/listening 2>&1 &
soon grep -q listening /run/internet/listening
for host in 198.51.100.2 2001:db8:1::2; do
	ok knock $host 8000
	says "the agent's"
done
for backend in nft iptables; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	for host in 198.51.100.2 2001:db8:1::2; do
		promise="with $backend: a port of the agent's at $host is as a closed one"
		ok knock $host 8001
		closed=$(output)
		says "tcp [Errno 111] Connection refused"
		soon sh -c "ip netns exec internet python3 /run/internet/knock.py $host 8000 | grep -q 'tcp .Errno 111'"
		ok knock $host 8000
		[ "$(output)" = "$closed" ] || fail "a closed one says: $closed"
		ok as alice python3 -c "import socket; print(socket.create_connection(('$host', 8000), 5).recv(100))"
		says "the agent's"
	done
	promise="with $backend: rules that are loaded anew leave that so"
	# A busy machine may lose one packet, and a knock takes it for silence. While the rules are away, one knock after another is met with silence.
	ip netns exec internet python3 -c "
import socket, time
end, silent = time.monotonic() + 8, 0
while time.monotonic() < end:
    try: socket.create_connection(('198.51.100.2', 8000), 0.5)
    except ConnectionRefusedError: silent = 0; time.sleep(0.01); continue
    except TimeoutError: silent += 1
    except OSError as err: raise SystemExit(repr(err))
    else: raise SystemExit('connected')
    if silent == 2: raise SystemExit('silent twice')" >/run/internet/steady 2>&1 &
	steady=$!
	for _ in 1 2 3; do
		ok systemctl reload au-net-rules@agent.service
		ok systemctl restart au-net-watch@agent.service
		sleep 1
	done
	wait $steady || fail "a port of the agent's: $(cat /run/internet/steady)"

	promise="with $backend: a flush is mended"
	nft flush ruleset
	soon sh -c "ip netns exec internet python3 /run/internet/knock.py 198.51.100.2 8000 | grep -q 'tcp .Errno 111'"
	ok as alice au net off
	[ -z "$(nft list tables | grep au_net)" ] || fail "a table stayed"
done
