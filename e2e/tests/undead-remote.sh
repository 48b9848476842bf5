#!/bin/sh
# A process of the agent's that waits for a file system that does not answer is named with it, and with the command that ends that.
# flavour: disks
. /opt/e2e/lib.sh
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
chmod 0666 /dev/fuse
mkdir -p /srv/real "/mnt/far away"
echo text >/srv/real/file
ok bindfs "/srv/real" "/mnt/far away"
ok as alice au new -y
ok as alice au run cat "/mnt/far away/file"
server=$(pgrep -x bindfs)
kill -STOP "$server"
as alice au run cat "/mnt/far away/file" &
soon sh -c 'ps -u agent -o comm=,stat= | grep -q ^cat'
sleep 0.5
fails 1 as alice au stop
complains " cat waits for a file system that does not answer: '/mnt/far away'"
fails 1 as alice au delete -y -H
complains " cat waits for a file system that does not answer: '/mnt/far away'"
complains 'still there of agent agent: '
hint=$(sed -n 's/^au: hint: //p' "$e2e/err")
ok as alice sh -c "$hint --yes"
fails 1 id agent
wait
