#!/bin/sh
# Chromium, whose TLS always looks as if it hid a name, reaches what is allowed and nothing else; with --no-ech it reaches nothing, and why says so.
# flavour: browser
# machines: trixie
# timeout: 1200
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
# The agent's browser trusts the test's CA, which Chromium looks for in its user's own store.
# shellcheck disable=SC2016 # the agent's shell expands it
ok agent sh -c 'mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -N --empty-password && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n test -i /usr/local/share/ca-certificates/au-test.crt'
browse() { agent timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking --dump-dom "$@"; }

# Unrestricted it is answered with HTTPS records, too, whose keys for ECH are none in this internet.
ok browse --disable-features=UseDnsHttpsSvcb https://attacker.test/
says "INTERNET attacker.test"
ok as alice au net restrict --allow allowed.test
promise="Chromium reaches an allowed host over HTTPS, and the log marks what looks hidden"
ok browse https://allowed.test/
says "INTERNET allowed.test"
soon sh -c 'runuser -l alice -c "au net log" | grep "allowed.test:443  ech"'
promise="and no other"
untouched browse https://attacker.test/
says_not "INTERNET"
promise="with --no-ech it reaches none, and log, why and --suggest name the switch"
ok as alice au net restrict --no-ech
untouched browse https://allowed.test/
says_not "INTERNET"
soon sh -c 'runuser -l alice -c "au net log --denied" | grep "hidden-name  ech, which --no-ech refuses"'
ok as alice au net why allowed.test
says "--no-ech refuses that"
ok as alice au net log --suggest
says "au net restrict --agent agent --ech"
ok as alice au net restrict --ech
ok browse https://allowed.test/
says "INTERNET allowed.test"
