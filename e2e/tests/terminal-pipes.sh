#!/bin/sh
# Runs in pipelines, with files and in the background share the human's terminal as every other command does.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/pipes.py
