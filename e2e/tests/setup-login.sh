#!/bin/sh
# An agent program is logged in by the human's browser: with a page that comes back to localhost, and with a code, on a restricted agent too.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
internet_up
ip netns exec internet python3 /opt/e2e/tests/setup/provider.py 203.0.113.7 8443 /run/internet/server.pem /run/internet/server.key &
provider=$!
trap 'kill $provider' EXIT
soon as alice curl -sS https://allowed.test:8443/
ok as alice au new -y
as alice mkdir -m 755 tools
cp /opt/e2e/tests/setup/login.py /home/alice/tools/
ok as alice au mount add tools

# log_in WORDS… has the program log in, and the human's browser open what it prints.
log_in() {
	rm -f "$e2e/link"
	as alice au run -e PROVIDER=allowed.test:8443 -- python3 /home/alice/tools/login.py "$@" >"$e2e/link" 2>"$e2e/login" &
	program=$!
	soon grep -q ^https "$e2e/link"
	ok as alice curl -sSL --max-time 10 "$(cat "$e2e/link")"
	wait $program || fail "the program is not logged in: $(cat "$e2e/login")"
}

# logged_in HOW sees whether the token is there, and the agent's alone.
logged_in() {
	ok cat /home/agent/.login
	says_exactly "token-of-$1"
	ok stat -c '%U %a' /home/agent/.login
	says_exactly 'agent 600'
	fails 1 as alice cat /home/agent/.login
	rm /home/agent/.login
}

every_way() {
	log_in callback 127.0.0.1
	says 'You are logged in'
	logged_in callback
	log_in callback ::1 # where programs in Node listen that say localhost
	says 'You are logged in'
	logged_in callback
	log_in device
	says '"activated": true'
	logged_in device
}

promise="an agent that is not restricted is logged in both ways"
every_way

promise="so is a restricted one that reaches the provider and nothing else"
ok as alice au net restrict --allow allowed.test:8443
every_way
untouched as alice au run -- curl -sS --max-time 5 https://attacker.test/
[ "$e2e_status" != 0 ] || fail "the agent is not restricted"

promise="one that does not reach the provider is not logged in, and the log says which host is missing"
ok as alice au net deny allowed.test:8443
fails 1 as alice au run -e PROVIDER=allowed.test:8443 -- timeout 120 python3 /home/alice/tools/login.py device
fails 1 test -e /home/agent/.login
soon sh -c 'runuser -l alice -c "au net log --denied" | grep -q allowed.test:8443'

promise="another agent does not reach the port that waits for the browser"
ok as alice au net allow allowed.test:8443
ok as alice au new -y -a other
ok as alice au net restrict -a other --allow allowed.test:8443
rm -f "$e2e/link"
as alice au run -e PROVIDER=allowed.test:8443 -- python3 /home/alice/tools/login.py callback 127.0.0.1 >"$e2e/link" &
program=$!
soon grep -q ^https "$e2e/link"
back=$(sed 's/.*redirect_uri=\([^&]*\).*/\1/; s/%3A/:/g; s,%2F,/,g' "$e2e/link")
untouched as alice au run -a other -d /home/other -- curl -sS --max-time 5 "$back"
says_not 'You are logged in'
ok as alice curl -sSL --max-time 10 "$(cat "$e2e/link")"
says 'You are logged in'
wait $program || fail "the program is not logged in"
