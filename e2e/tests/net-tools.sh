#!/bin/sh
# git over HTTPS and SSH, and npm from an allowed mirror, work for a restricted agent; what is not allowed is refused as policy, and nothing leaves.
# timeout: 3600
# machines: trixie
# machines by hand: bookworm true
# flavour: node
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
. /opt/e2e/tests/internet/services.sh
npm="npm --registry=https://mirror.test --cafile=/usr/local/share/ca-certificates/au-test.crt --fetch-retries=0 --no-audit --no-fund --no-update-notifier"
at_git=bob@git.test:/run/internet/git/project.git at_attacker=bob@attacker.test:/run/internet/git/project.git

# install PACKAGE… installs with npm as the agent; $e2e_status is npm's.
install() { agent sh -c "rm -rf ~/n ~/.npm && mkdir ~/n && cd ~/n && $npm install $*"; }

# told TEXT: what the command printed has TEXT in it, wherever.
told() { cat "$e2e/out" "$e2e/err" | grep -qiF -e "$1" || fail "it should have said \"$1\""; }

# refused COMMAND…: it fails at once, and nothing reaches the attacker.
refused() {
	began=$(date +%s)
	untouched "$@"
	[ "$e2e_status" != 0 ] || fail "it should have been refused"
	[ $(($(date +%s) - began)) -lt "${limit:-30}" ] || fail "the refusal was not seen at once"
}

if [ "$STAGE" = 1 ]; then
	[ ! -e /dev/vda ] || limit=240 # an emulated machine
	ok as alice au new -y
	internet_up
	internet_git
	internet_npm
	promise="without restrictions all of it is possible"
	ok agent sh -c "cd && git clone -q $at_attacker free"
	ok install elsewhere
	seen_before=$(attacked)
	ok install nosy
	[ "$(attacked)" -gt "$seen_before" ] || fail "the package's script did not reach the attacker, so that this would show nothing"
fi
for backend in nft iptables; do
	[ "$STAGE" = 1 ] || break
	promise="with $backend: git works over HTTPS, there and back"
	ok as alice au net restrict --backend $backend --allow git.test --allow git.test:22 --allow mirror.test
	ok agent sh -c "cd && rm -rf web ssh && git clone -q https://git.test/git/project.git web && cat web/file"
	says "a file"
	ok agent sh -c "cd ~/web && echo $backend >>file && git -c user.name=a -c user.email=a@b.test commit -qam one && git push -q"
	promise="with $backend: and over SSH"
	ok agent sh -c "cd && git clone -q $at_git ssh && cat ssh/file"
	says "$backend"
	ok agent sh -c "cd ~/ssh && echo ssh >>file && git -c user.name=a -c user.email=a@b.test commit -qam two && git push -q"
	promise="with $backend: npm installs from the allowed mirror"
	ok install small
	ok agent sh -c 'cat ~/n/node_modules/small/package.json'

	promise="with $backend: curl is told that it is policy, and which command the human may run"
	refused agent curl -sS --max-time 20 https://attacker.test/
	told "access denied"
	untouched agent curl -sS --max-time 20 http://attacker.test/
	told "this is the policy"
	told "au net allow --agent agent attacker.test"
	promise="with $backend: git is told so"
	refused agent git clone -q https://attacker.test/git/project.git /tmp/x
	told "denied"
	refused agent git clone -q http://attacker.test/git/project.git /tmp/x
	told "au net allow --agent agent attacker.test"
	promise="with $backend: ssh and git over it are told so"
	refused agent git clone -q $at_attacker /tmp/x
	told "is not allowed for agent"
	told "the human may run: au net allow --agent agent attacker.test:22"
	refused agent ssh bob@203.0.113.66 true
	told "au net allow --agent agent 203.0.113.66:22"
	promise="with $backend: a rule for port 22 is for port 22, one without a port for the web's"
	refused agent sh -c "cd && rm -rf x && git clone -q bob@mirror.test:/run/internet/git/project.git x"
	told "mirror.test:22"
	promise="with $backend: npm is told so, where an allowed mirror sends it elsewhere"
	refused install elsewhere
	told "access denied"
	promise="with $backend: what a package's script sends does not leave"
	refused install nosy
	told "access denied"

	promise="with $backend: the human sees what was refused, and the line that allows it"
	ok as alice au net log --suggest
	says "attacker.test:22"
done
if [ -e /dev/vda ] && [ "$STAGE" = 1 ]; then
	promise="the slice's layer holds as well"
	ok as alice au net status --verify
	says "in the agent's slice: refused at once"
	reboot_machine
fi
if [ "$STAGE" = 2 ]; then
	promise="after a reboot the tools work as before, and are refused as before"
	limit=240
	rm -rf /run/internet
	internet_up
	git config --system --unset-all safe.directory
	agent sh -c 'rm -f ~/.ssh/id_ed25519*'
	internet_git
	internet_npm
	ok agent sh -c "cd && rm -rf web ssh && git clone -q https://git.test/git/project.git web && git clone -q $at_git ssh"
	ok install small
	refused install nosy
	refused agent git clone -q $at_attacker /tmp/x
	told "the human may run: au net allow --agent agent attacker.test:22"
	ok as alice au net status --verify
	says "in the agent's slice: refused at once"
fi
