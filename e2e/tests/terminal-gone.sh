#!/bin/sh
# The order in which command, au and terminal go makes no difference: the run ends whole, the human's terminal is as before, and no keystroke is read later.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/gone.py
