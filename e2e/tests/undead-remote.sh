#!/bin/sh
# A process that the agent started, and that waits for a file system that does not answer, is named with it, and with the command that ends that.
# machines: trixie
# machines by hand: bookworm
# waits: yes
# flavour: disks
. /opt/e2e/lib.sh
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
chmod 0666 /dev/fuse
mkdir -p /srv/real "/mnt/far away"
head -c 100000 /dev/zero >/srv/real/file
# Its server takes each question and keeps the answer for a day. (Of one that is stopped, and does not even take them, a killed process needs no answer.)
ok bindfs --read-rate=1 "/srv/real" "/mnt/far away"
ok as alice au new -y
ok as alice au run ls "/mnt/far away/file"
as alice au run cat "/mnt/far away/file" &
soon sh -c 'ps -u agent -o comm=,stat= | grep -q "^cat *D"'
fails 1 as alice au stop
complains ' cat waits for a file system that does not answer: /mnt/far away'
fails 1 as alice au delete -y -H
complains ' cat waits for a file system that does not answer: /mnt/far away'
complains 'left over from agent agent: '
hint=$(sed -n 's/^au: hint: //p' "$e2e/err")
ok as alice sh -c "$hint --yes"
fails 1 id agent
wait

# A server that is stopped, and takes no question, holds up nothing.
ok bindfs "/srv/real" "/mnt/far away"
ok as alice au new -y
ok as alice au run ls "/mnt/far away/file"
server=$(pgrep -x bindfs | tail -n 1)
kill -STOP "$server"
as alice au run cat "/mnt/far away/file" &
soon sh -c 'ps -u agent -o comm= | grep -qx cat'
sleep 0.5
ok as alice au stop
says 'Everything of agent agent has ended'
kill -CONT "$server"
wait
