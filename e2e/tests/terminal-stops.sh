#!/bin/sh
# Ctrl-Z and fg hundreds of times, as fast as a machine can type: no Ctrl-Z is lost, and nothing stays stopped.
# machines: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/stops.py
output
