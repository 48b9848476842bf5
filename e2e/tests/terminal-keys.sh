#!/bin/sh
# A run has a terminal of its own: sizes, Ctrl-C, Ctrl-Z, fg, bg and job control work in it, and the human's is as before.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/keys.py
