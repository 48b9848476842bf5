#!/bin/sh
# Full-screen programs look right in tmux: drawn, redrawn after a resize and after fg, and gone when they are.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok python3 /opt/e2e/tests/terminal/screen.py
