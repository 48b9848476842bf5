#!/bin/sh
# pip installs from an allowed mirror, and is refused as policy where that sends it elsewhere.
# machines: none
# machines by hand: bookworm trixie
# flavour: net
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
. /opt/e2e/tests/internet/services.sh
ok as alice au new -y
internet_up
internet_pip
pip="pip3 --disable-pip-version-check --no-input --retries 0 --cert /usr/local/share/ca-certificates/au-test.crt install --no-cache-dir --target p"
install() { agent sh -c "cd && rm -rf p && $pip --index-url https://mirror.test/simple/ $1 2>&1 && PYTHONPATH=p python3 -c 'import $1'"; }
ok install elsewhere
says "it runs"
for backend in nft iptables; do
	promise="with $backend: what the mirror has is installed, and nothing else"
	ok as alice au net restrict --backend $backend --allow mirror.test
	ok install small
	says "it runs"
	untouched install elsewhere
	[ "$e2e_status" != 0 ] || fail "a wheel came from elsewhere"
	says "access denied"
	ok as alice au net log --suggest
	says "attacker.test"
done
