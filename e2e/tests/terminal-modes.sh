#!/bin/sh
# A mode that a killed run has switched on in the human's terminal (the other screen, mouse, keys, no cursor) is off when the prompt comes back.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y --mem 128M
ok python3 /opt/e2e/tests/terminal/modes.py
