#!/bin/sh
# Behind a company's proxy a restricted agent reaches what is allowed through it, and nothing else: neither the proxy itself nor its login.
# machines: trixie
# machines by hand: bookworm true
# flavour: net
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
command -v squid >/dev/null && command -v tinyproxy >/dev/null || skip "no squid and tinyproxy in this machine"
ok as alice au new -y
internet_also="proxy.corp.test far.corp.test"
internet_up
trap '[ $? = 0 ] || journalctl -u au-net@agent.service -o cat --no-pager | tail -n 5' EXIT
login=/etc/proxy-login
secret=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
(umask 077 && printf 'alice:%s\n' "$secret" >$login)
basic=$(printf 'alice:%s' "$secret" | base64)

# The distribution's configuration stays as it is: it allows tunnels to port 443 alone.
mkdir -p /run/proxy
chmod 711 /run/proxy
printf 'alice:%s\n' "$(openssl passwd -apr1 "$secret")" >/run/proxy/users
{
	cat <<-'CONF'
		auth_param basic program /usr/lib/squid/basic_ncsa_auth /run/proxy/users
		acl known proxy_auth REQUIRED
		acl never dstdomain mirror.test
		http_access deny never
	CONF
	sed 's/^http_access deny all/http_access allow known\nhttp_access deny all/; /^include/d; /^http_access allow localhost$/d' /etc/squid/squid.conf
	cat <<-'CONF'
		https_port 3129 tls-cert=/run/internet/server.pem tls-key=/run/internet/server.key
		dns_nameservers 203.0.113.53
		cache_effective_user proxy
		pid_filename /run/proxy/squid.pid
		access_log stdio:/run/proxy/access.log
		cache_log /run/proxy/cache.log
		cache deny all
		shutdown_lifetime 0 seconds
	CONF
} >/run/proxy/squid.conf
touch /run/proxy/access.log /run/proxy/cache.log
chown -R proxy /run/proxy
chmod 644 /run/internet/server.key
there() { ip netns exec internet "$@"; }
squid_up() {
	there squid -f /run/proxy/squid.conf -N >/run/proxy/out 2>&1 &
	soon sh -c "ip netns exec internet ss -Hltn | grep -q :3129" || fail "squid: $(cat /run/proxy/out /run/proxy/cache.log)"
}
squid_down() {
	squid=$(cat /run/proxy/squid.pid)
	kill "$squid"
	soon sh -c "! kill -0 $squid 2>/dev/null"
	rm -f /run/proxy/squid.pid
}
squid_up

mkdir -p /etc/netns/internet
echo 'nameserver 203.0.113.53' >/etc/netns/internet/resolv.conf

# The machine knows the proxy and its own network: no way to anywhere else, and no name server.
echo '198.51.100.1 proxy.corp.test' >>/etc/hosts
: >/etc/resolv.conf
ip route del default
ip -6 route del default
fails 6 as alice curl -sS --max-time 5 https://allowed.test/
ok as alice curl -sS --max-time 10 --proxy "http://alice:$secret@proxy.corp.test:3128" https://allowed.test/
says "INTERNET allowed.test"

logged() { soon sh -c "runuser -l alice -c 'au net log' | grep -qF -e '$1'"; }
# squid chooses which of the name's addresses it takes, IPv4 or IPv6.
through_squid() {
	grep -qE 'INTERNET allowed\.test (203\.0\.113\.7|2001:db8:2::7)$' "$e2e/out" || fail "the answer is not that of the server"
}
log_ends() { : >/run/proxy/access.log; }
asked_for() { grep -qF "$1" /run/proxy/access.log; }

promise="a login that others can read, or could replace, is refused before anything has changed"
snapshot
restricted="au net restrict --allow allowed.test --allow mirror.test"
chmod 644 $login
fails 1 as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-login $login
complains "others can read it (mode 0644)"
complains "hint: sudo chmod 600 $login"
chmod 600 $login
for place in /home/alice/login /tmp/login /run/proxy/login; do
	cp $login $place
	fails 1 as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-login $place
	complains "login for the upstream"
	rm $place
done
fails 1 as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-login /etc/no-login
complains "is not there"
chown alice $login
fails 1 as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-login $login
complains "a file of uid 1000's"
chown root $login
fails 2 as alice $restricted --upstream "http://alice:word@proxy.corp.test:3128"
complains "holds a login"
fails 2 as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-ca /run/internet/ca.pem
complains "put it into /usr/local/share/ca-certificates"
unchanged

for backend in nft iptables; do
	promise="with $backend: what is allowed goes through the proxy, with the login"
	ok as alice $restricted --backend $backend --upstream http://proxy.corp.test:3128 --upstream-login $login
	says "Agent agent reaches allowed.test and mirror.test, and nothing else"
	says "It does so through http://proxy.corp.test:3128, with the login in $login"
	says_not "$secret"
	complains "nobody here sees which address an allowed name leads to"
	log_ends
	for url in https://allowed.test/ http://allowed.test/; do
		ok agent curl -sS --max-time 20 $url
		through_squid
		says_not "login"
	done
	asked_for "CONNECT allowed.test:443"
	asked_for "GET http://allowed.test/"
	ok agent curl -sS --max-time 60 -o /dev/null -w '%{size_download}' https://allowed.test/big
	says "$((8 << 20))"

	promise="with $backend: what is not allowed does not, by whatever name or address"
	log_ends
	seen_before=$(attacked)
	for url in https://other.test/ http://other.test/ https://attacker.test/ https://203.0.113.66/ http://203.0.113.66/; do
		e2e_run agent curl -fsSk --max-time 10 $url
		[ "$e2e_status" != 0 ] || fail "the agent reached $url"
	done
	e2e_run agent curl -fsSk --max-time 10 --connect-to attacker.test:443:allowed.test:443 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached another name"
	e2e_run agent curl -fsS --max-time 10 -H 'Host: attacker.test' http://allowed.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached another host"
	[ "$(attacked)" = "$seen_before" ] || fail "packets reached the attacker"
	[ ! -s /run/proxy/access.log ] || fail "the proxy was asked: $(cat /run/proxy/access.log)"

	promise="with $backend: the agent does not reach the proxy itself, whatever network is allowed"
	ok as alice au net allow 198.51.100.0/24
	for proxy in http://proxy.corp.test:3128 http://198.51.100.1:3128 https://198.51.100.1:3129; do
		for url in https://other.test/ http://other.test/; do
			e2e_run agent curl -fsSk --proxy-insecure --max-time 10 --proxy $proxy --proxy-user "alice:$secret" $url
			[ "$e2e_status" != 0 ] || fail "the agent reached $url by $proxy"
		done
	done
	[ ! -s /run/proxy/access.log ] || fail "the proxy was asked: $(cat /run/proxy/access.log)"
	fails 1 as alice au net why 198.51.100.1:3128
	says "denied by the rule --upstream http://proxy.corp.test:3128"
	fails 1 as alice au net allow localhost:3128
	complains "is the port of the upstream"
	ok as alice au net deny 198.51.100.0/24
done

promise="the agent does not read the login"
e2e_run agent cat $login
[ "$e2e_status" != 0 ] || fail "the agent reads the login"
e2e_run agent sh -c 'cat /proc/*/environ /etc/au/net/* /var/log/au/agent/* /proc/*/fd/0 2>/dev/null'
! grep -qaF -e "$secret" -e "$basic" "$e2e/out" || fail "the agent has found the login"
e2e_run agent curl -isS --max-time 10 -X TRACE -H 'Max-Forwards: 0' http://allowed.test/
! grep -qaF -e "$basic" "$e2e/out" || fail "the proxy shows the login"
e2e_run agent curl -isS --max-time 10 http://mirror.test/
! grep -qaF -e "$basic" -e "$secret" "$e2e/out" || fail "the proxy shows the login"
ok systemctl show -P ExecMainPID au-net@agent.service
! grep -qaF -e "$basic" -e "$secret" "/proc/$(output)/environ" "/proc/$(output)/cmdline" || fail "the login is in the environment"
! journalctl -o cat | grep -qF -e "$basic" -e "$secret" || fail "the journal has the login"
! grep -rqF -e "$basic" -e "$secret" /etc/au /var/log/au || fail "au keeps the login"

promise="status, why, log and show say that names go through the proxy, and what this means"
ok as alice au net status
says "Names through http://proxy.corp.test:3128, with the login in $login"
complains "nobody here sees which address an allowed name leads to, and it may be one inside"
ok as alice au net status --json
[ "$(jq -r '.upstream | .url + " " + .login' "$e2e/out")" = "http://proxy.corp.test:3128 $login" ] || fail "the JSON has no upstream"
ok as alice au net why https://allowed.test/
says "allowed by the rule allowed.test, through the proxy http://proxy.corp.test:3128"
fails 1 as alice au net why https://other.test/
says "not allowed: no rule covers it"
says_not "through the proxy"
logged "through http://proxy.corp.test:3128"
ok as alice au net status --verify

promise="a refusal of the proxy is one line in the log, and told to the agent"
e2e_run agent curl -sS --max-time 20 https://mirror.test/
[ "$e2e_status" = 35 ] || fail "the agent was not told"
logged "mirror.test:443  upstream-refused  the proxy http://proxy.corp.test:3128 refuses it (status 403)"
ok agent curl -isS --max-time 20 http://mirror.test/
says "HTTP/1.1 403"
says "of the server or of the proxy"
logged "status 403, of the server or of the proxy http://proxy.corp.test:3128"

promise="without the login, and with a wrong one, the log says what is wanted"
ok as alice $restricted --upstream http://proxy.corp.test:3128
says "No longer in force: "
says "the login in $login"
e2e_run agent curl -sS --max-time 20 https://allowed.test/
[ "$e2e_status" = 35 ] || fail "the agent was not told"
logged "wants a login (status 407), which the human can give by --upstream-login"
ok agent curl -sS --max-time 20 http://allowed.test/
says "allowed, but the proxy http://proxy.corp.test:3128 wants a login"
cp -p $login /run/proxy/kept
printf 'alice:wrong\n' >$login
ok as alice $restricted --upstream http://proxy.corp.test:3128 --upstream-login $login
e2e_run agent curl -sS --max-time 20 https://allowed.test/
logged "does not take the login in $login (status 407)"
cat /run/proxy/kept >$login
ok systemctl restart au-net@agent.service
soon agent curl -sS --max-time 20 https://allowed.test/
says "INTERNET allowed.test"

promise="a login that others can read later stops the daemon, and nothing leaves"
chmod 644 $login
systemctl restart au-net@agent.service
untouched agent curl -sS --max-time 5 https://allowed.test/
[ "$e2e_status" != 0 ] || fail "the daemon runs"
soon sh -c "journalctl -u au-net@agent.service -o cat | grep -q 'others can read it'"
fails 1 as alice au net status
chmod 600 $login
soon agent curl -sS --max-time 20 https://allowed.test/

promise="a proxy that is not there is one line in the log, and is found again"
squid_down
e2e_run agent curl -sS --max-time 20 https://allowed.test/
[ "$e2e_status" = 35 ] || fail "the agent was not told"
logged "upstream-failed  the proxy http://proxy.corp.test:3128 cannot be reached: connection refused"
squid_up
soon agent curl -sS --max-time 20 https://allowed.test/

promise="an https proxy is held to its CA"
ok as alice $restricted --upstream https://proxy.corp.test:3129 --upstream-login $login --upstream-ca /run/internet/ca.pem
says "for which the CA that you gave vouches"
for url in https://allowed.test/ http://allowed.test/; do
	ok agent curl -sS --max-time 20 $url
	through_squid
done
ok as alice $restricted --upstream https://proxy.corp.test:3129 --upstream-login $login
says_not '$ sudo'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /run/proxy/other.key -out /run/proxy/other.pem -days 2 -subj "/CN=another CA" 2>/dev/null
chmod 644 /run/proxy/other.pem
fails 1 as alice $restricted --upstream https://proxy.corp.test:3129 --upstream-ca /etc/hosts
complains "holds no certificate"
ok as alice $restricted --upstream https://proxy.corp.test:3129 --upstream-login $login --upstream-ca /run/proxy/other.pem
e2e_run agent curl -sS --max-time 20 https://allowed.test/
[ "$e2e_status" = 35 ] || fail "the agent was not told"
logged "is not trusted: certificate signed by unknown authority"
squid_down

promise="tinyproxy will do as well"
{
	sed "/^Allow /d; /^BasicAuth/d; /^LogFile/d; /^PidFile/d" /etc/tinyproxy/tinyproxy.conf
	printf 'Allow 198.51.100.0/24\nBasicAuth alice %s\nLogFile "/run/proxy/tiny.log"\nPidFile "/run/proxy/tiny.pid"\nFilter "/run/proxy/filter"\n' "$secret"
} >/run/proxy/tiny.conf
echo 'mirror\.test' >/run/proxy/filter
touch /run/proxy/tiny.log /run/proxy/tiny.pid
chown tinyproxy /run/proxy /run/proxy/*
there tinyproxy -d -c /run/proxy/tiny.conf >/run/proxy/tiny.out 2>&1 &
soon sh -c "ip netns exec internet ss -Hltn | grep -q :8888" || fail "tinyproxy: $(cat /run/proxy/tiny.out)"
ok as alice $restricted --upstream http://proxy.corp.test:8888 --upstream-login $login
says "the proxy https://proxy.corp.test:3129"
for url in https://allowed.test/ http://allowed.test/; do
	ok agent curl -sS --max-time 20 $url
	says "INTERNET allowed.test"
	says_not "login"
done
e2e_run agent curl -sS --max-time 20 https://mirror.test/
logged "mirror.test:443  upstream-refused  the proxy http://proxy.corp.test:8888 refuses it (status 403)"
ok as alice $restricted --upstream http://proxy.corp.test:8888
e2e_run agent curl -sS --max-time 20 https://allowed.test/
logged "the proxy http://proxy.corp.test:8888 wants a login (status 407)"

promise="au net off takes all of it back"
ok as alice au net off
unchanged
ok agent curl -sS --max-time 10 --proxy http://198.51.100.1:8888 --proxy-user "alice:$secret" https://allowed.test/
says "INTERNET allowed.test"
