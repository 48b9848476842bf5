#!/bin/sh
# A restricted agent reaches the names that are allowed, over IPv4 and IPv6, and nothing else.
# machines: bookworm trixie
# machines by hand: true true-bookworm
# core: trixie
# timeout: 1500
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
ok agent curl -sS https://attacker.test/

for backend in nft iptables; do
	promise="with $backend: a restricted agent reaches what is allowed"
	ok as alice au net restrict --backend $backend --allow allowed.test --allow '*.allowed.test' --allow other.test:8080
	for way in -4 -6; do
		ok agent curl $way -sS --max-time 20 https://allowed.test/
		says "INTERNET allowed.test"
		ok agent curl $way -sS --max-time 20 http://www.allowed.test/
		says "INTERNET www.allowed.test"
		ok agent curl $way -sS --max-time 20 http://other.test:8080/
	done
	ok agent python3 -c 'import urllib.request; print(urllib.request.urlopen("https://allowed.test/", timeout=20).read())'
	says "INTERNET allowed.test"
	ok agent sh -c 'curl -sS --max-time 60 https://allowed.test/big | wc -c'
	says_exactly 8388608

	promise="with $backend: and nothing else, and is told so at once"
	for way in -4 -6; do
		untouched agent curl $way -sS --max-time 10 https://attacker.test/
		[ "$e2e_status" != 0 ] || fail "the agent reached a name that is not allowed"
		[ "$e2e_status" != 28 ] || fail "the refusal was not seen at once"
		untouched agent curl $way -sS --max-time 10 http://attacker.test/
		says "au net allow"
	done
	untouched agent curl -sS --max-time 10 https://203.0.113.66/
	[ "$e2e_status" != 0 ] || fail "the agent reached an address"
	untouched agent curl -sS --max-time 10 'https://[2001:db8:2::66]/' -k
	[ "$e2e_status" != 0 ] || fail "the agent reached an IPv6 address"
	promise="with $backend: the tab key offers what the agent asked for"
	ok as alice au complete -- net why at
	says_exactly "attacker.test"
	ok as carol au complete -- net why at
	silent
	promise="with $backend: an allowed name cannot be sent to another address"
	untouched agent curl -sS --max-time 10 --resolve allowed.test:443:203.0.113.66 https://allowed.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker under an allowed name"
	untouched agent curl -sS --max-time 10 --connect-to allowed.test:80:203.0.113.66:80 http://allowed.test/
	says_not INTERNET
	promise="with $backend: DNS asks nobody about names that are not allowed"
	: >/run/internet/dns.log
	untouched agent dig +time=2 +tries=1 @203.0.113.66 secret.attacker.test
	untouched agent dig +time=2 +tries=1 +tcp @203.0.113.66 secret.attacker.test
	untouched agent dig +time=2 +tries=1 @2001:db8:2::66 TXT secret.attacker.test
	! grep -q secret /run/internet/dns.log || fail "a name left the machine: $(cat /run/internet/dns.log)"

	promise="with $backend: status shows it, and --verify tries"
	ok as alice au net status --verify
	says "holds"
	says_not OPEN
	says "tried UDP to 192.0.2.1:443: refused at once"
	ok as alice au net status --json
	ok sh -c "as() { :; }; runuser -l alice -c 'au net status --json' | jq -e '.restricted and (.layers | length) == 4'"
done

promise="only one backend at a time"
[ -z "$(nft list tables | grep -E 'au_net_[0-9]+$')" ] || fail "the nft table stayed: $(nft list tables)"
iptables-save | grep -q au-net || fail "no iptables rules"
ok as alice au net restrict --backend nft --allow allowed.test
! iptables-save | grep -q au-net || fail "the iptables rules stayed: $(iptables-save)"

promise="the human is not restricted"
ok as alice curl -sS https://attacker.test/
says "INTERNET attacker.test"
