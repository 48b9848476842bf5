#!/bin/sh
# Job control, pipelines, kill -9 and a hang-up look to the human as they do under sudo with use_pty.
. /opt/e2e/lib.sh
ok as alice au new -y
grep -qr use_pty /etc/sudoers /etc/sudoers.d || echo 'Defaults use_pty' >/etc/sudoers.d/use_pty
ok python3 /opt/e2e/tests/terminal/sudo.py
