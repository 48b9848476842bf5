#!/bin/sh
# A run sees its own processes, temporary files, shared memory and home, and none of the sockets that work for others.
. /opt/e2e/tests/attacks/common
rm -f /tmp/kept /var/tmp/kept
ok enter -- sh -c 'ls -d /proc/[0-9]* | wc -l'
[ "$(output)" -le 4 ] || fail "processes of others can be seen"
fails 2 enter -- ls /proc/1
ok enter -- sh -c 'ps -e -o user= | sort -u'
says_exactly agent

promise="the home of the human and of everybody else is covered, its own is not"
install -d -m 755 /home/open
touch /home/open/to_all
ok enter -- ls /home
says_exactly agent
fails 1 enter -- cat /home/open/to_all
rm -r /home/open

promise="temporary files are the agent's own, and kept from run to run"
touch /tmp/of_others /var/tmp/of_others /dev/shm/of_others
ok enter -- sh -c 'ls -A /tmp /var/tmp /dev/shm; touch /tmp/kept /var/tmp/kept /dev/shm/gone'
says_not of_others
ok enter -- ls -A /tmp /var/tmp /dev/shm
says kept
says_not gone
ok sh -c '! test -e /tmp/kept'
fails 2 human ls /var/lib/au/agent
ok enter -- rm /tmp/kept /var/tmp/kept
rm /tmp/of_others /var/tmp/of_others /dev/shm/of_others
ok enter -- awk '$5 ~ "^/(tmp|var/tmp|dev/shm|run/user|proc)$" { last[$5] = $5 " " $6 } END { for (m in last) print last[m] }' /proc/self/mountinfo
[ "$(grep -c ' rw,nosuid,nodev' $e2e/out)" = 5 ] || fail "all five should be nosuid and nodev"

promise="what they are kept in is root's, and reached through no link"
mv /var/lib/au/agent /var/lib/au/kept
install -d -o bob /var/lib/au/agent
fails 125 enter -- true
complains 'want root as its owner'
rmdir /var/lib/au/agent
install -d /opt/planted
ln -s /opt/planted /var/lib/au/agent
fails 125 enter -- true
complains 'symbolic link'
rm /var/lib/au/agent
rmdir /opt/planted
mv /var/lib/au/kept /var/lib/au/agent

promise="what is to be hidden is hidden itself, not what a link there leads to"
cp -p $policy /etc/au/kept
ln -s /srv /opt/link
echo 'hide /opt/link' >>$policy
fails 125 enter -- true
complains 'hide /opt/link: a symbolic link'
rm /opt/link
mv /etc/au/kept $policy

promise="the runtime folders of humans are covered"
install -d -o alice -m 755 /run/user/1000
touch /run/user/1000/au-attack
ok enter -- ls /run/user
says_exactly "$agent"
rm /run/user/1000/au-attack

promise="a broker's socket cannot be reached"
rm -f /run/docker.sock
python3 -c 'import socket, os; s = socket.socket(socket.AF_UNIX); s.bind("/run/docker.sock"); os.chmod("/run/docker.sock", 0o666); s.listen(9)
import time; time.sleep(60)' &
broker=$!
soon test -S /run/docker.sock
ok human python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
fails 1 enter -- python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
fails 1 enter -- python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket")'
kill $broker
rm -f /run/docker.sock

promise="System V shared memory of others is not there"
ok python3 -c 'import ctypes; print(ctypes.CDLL(None).shmget(0xa77ac, 4096, 0o1666))'
ok enter -- python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).shmget(0xa77ac, 4096, 0) >= 0)'
ok python3 -c 'import ctypes; c = ctypes.CDLL(None); c.shmctl(c.shmget(0xa77ac, 4096, 0), 0, None)'
