#!/bin/sh
# An agent program from npm, installed by the agent for itself, starts under au run.
# npm: @anthropic-ai/claude-code@1.0.128
# machines: trixie
# machines by hand: bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
set -- /opt/e2e/npm/*.tgz
[ -e "$1" ] || skip "the package could not be had from npm"
ok as alice au run npm install --global --offline --silent --prefix /home/agent/.local "$1"
ok as alice au run claude --version
says '1.0.128 (Claude Code)'
ok as alice au run claude --help
says 'Usage: claude'

promise="it is the agent's: the human's files stay out of its reach, and its own stay in its home"
ok stat -c %U /home/agent/.local/lib/node_modules
says_exactly agent
fails 1 test -e /home/alice/.claude
