#!/bin/sh
# The demo works on a host with systemd and cgroup v2 too, with a root file system handed in, and leaves nothing there.
# machines: none
# machines by hand: true
# disk: demo
. /opt/e2e/lib.sh

mkdir /mnt/root
ok mount -o ro /dev/vdc /mnt/root
snapshot
ok env AU_E2E_ROOT=/mnt/root AU_E2E_CACHE=/var/tmp/e2e /opt/au/e2e/demo
says 'uid=1003(agent)'
says 'Deleted agent agent'
says 'That was au.'
unchanged
ok find /var/tmp/e2e/machines -mindepth 1
silent
fails 1 pgrep -f /mnt/root
find /sys/fs/cgroup -type d | grep -E "au-e2e|keeper" >/tmp/left
ok cat /tmp/left
silent
