#!/bin/sh
# Without a terminal nothing of au's waits for a run; with one, an au of less than 12 MB does.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/cheap.py
