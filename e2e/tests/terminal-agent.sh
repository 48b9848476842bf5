#!/bin/sh
# An agent program's own interface works in tmux under au run, and leaves the terminal as it was.
# machines: trixie
# npm: @anthropic-ai/claude-code@1.0.128
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
set -- /opt/e2e/npm/*.tgz
[ -e "$1" ] || skip "the package could not be had from npm"
ok as alice au run npm install --global --offline --silent --prefix /home/agent/.local "$1"
ok python3 /opt/e2e/tests/terminal/agent.py
