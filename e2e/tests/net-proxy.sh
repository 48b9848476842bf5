#!/bin/sh
# With --proxy the agent's HTTP and HTTPS go to the human's own Squid, over IPv4 and IPv6, DNS to the resolvers, and nothing else anywhere.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
command -v squid >/dev/null || skip "no squid in this machine"
ok as alice au new -y
internet_up
cat >/run/squid.conf <<'CONF'
http_port 3127
http_port 3128 intercept
https_port 3129 intercept ssl-bump tls-cert=/run/internet/server.pem tls-key=/run/internet/server.key generate-host-certificates=off
acl step1 at_step SslBump1
acl names dstdomain .allowed.test
acl hosts ssl::server_name .allowed.test
ssl_bump peek step1
ssl_bump splice hosts
ssl_bump terminate all
acl intercepted_tls myportname 3129
http_access allow CONNECT intercepted_tls
http_access allow names
http_access deny all
pid_filename /run/squid.pid
access_log none
cache_log /run/squid.log
cache deny all
shutdown_lifetime 1 seconds
CONF
sed -i 's/^acl intercepted_tls.*/acl intercepted_tls localport 443/' /run/squid.conf
squid -f /run/squid.conf -N >/run/squid.out 2>&1 &
soon sh -c 'ss -Hltn | grep -q :3129' || fail "squid: $(cat /run/squid.out /run/squid.log)"
for backend in nft iptables; do
	promise="with $backend: HTTP and HTTPS go to the human's proxy"
	ok as alice au net restrict --backend $backend --proxy 3128,3129
	complains "Host header"
	for way in -4 -6; do
		ok agent curl $way -sS --max-time 20 http://allowed.test/
		says "INTERNET allowed.test"
		untouched agent curl $way -sS --max-time 20 http://attacker.test/
		says_not INTERNET
	done
	ok agent curl -4 -sS --max-time 20 https://allowed.test/
	says "INTERNET allowed.test"
	untouched agent curl -sS --max-time 20 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker"
	promise="with $backend: DNS goes to the resolvers only, and nothing else anywhere"
	ok agent dig +time=2 +tries=1 +short @203.0.113.53 allowed.test
	says 203.0.113.7
	untouched agent dig +time=2 +tries=1 @203.0.113.66 attacker.test
	[ "$e2e_status" != 0 ] || fail "the attacker's DNS server answered"
	untouched agent curl -sS --max-time 5 http://attacker.test:8080/
	[ "$e2e_status" = 7 ] || fail "port 8080 was not refused at once"
	ok as alice curl -sS https://attacker.test/
done
ok as alice au net off
