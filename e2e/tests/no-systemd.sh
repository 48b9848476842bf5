#!/bin/sh
# Without systemd au works, leaves the unit out, and says what that means.
# machines: bookworm
# machines by hand: trixie
# core: bookworm
. /opt/e2e/lib.sh
# The folder that makes a machine one with systemd is this one (sd_booted(3)).
mount -t tmpfs none /run/systemd
snapshot
ok as alice au new -y
complains 'no systemd here'
says_not systemctl
fails 1 test -e /etc/systemd/system/au-agent.service
ok as alice au run id -un
says_exactly agent
ok as alice au info
says 'unit: none'
ok as alice au delete -y -H
unchanged before '/home/alice/\.config' '/usr/local/libexec( |$)'
