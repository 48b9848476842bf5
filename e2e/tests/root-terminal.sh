#!/bin/sh
# Where root acts at a terminal for somebody else, no process of that human can type there, or take the terminal along.
# machines: trixie
# second try: no
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au grant -y bob
ok python3 /opt/e2e/tests/root/terminal.py
says 'au: seen record, draft, drop'
