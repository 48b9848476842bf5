#!/bin/sh
# Where root has put /root, /tmp, /var/lib, /var/tmp or another folder of the machine's elsewhere and left a link, agents are made, run and deleted as ever.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
install -d -m 755 /data
# works WHAT…: an agent that is there runs, and so does one that is made here; both see nothing of others.
works() {
	ok as alice au run sh -c 'ls -A /tmp/ /var/tmp/; echo mine >/tmp/mine; cat /tmp/mine'
	says mine
	says_not of_others
	ok as alice au run sh -c 'rm /tmp/mine; ! cat /root/file && ! cat /data/root/file'
	ok as alice au info
	ok as alice au new -y -a second
	ok as alice au run -a second sh -c '! test -e /tmp/of_others && touch /var/tmp/kept && [ -z "$(ls -A /run/au/second)" ]'
	ok as alice au delete -y -H -a second
	ok sh -c '! test -e /run/au/second'
}
ok as alice au new -y

promise="/root leads elsewhere, as where the system comes as an image"
mv /root /data/root
chmod 755 /data/root
echo open >/data/root/file
ln -s data/root /root
works
rm /root /data/root/file && chmod 700 /data/root && mv /data/root /root

promise="/tmp and /var/tmp lead to another disk"
umount /tmp 2>/dev/null
rmdir /tmp 2>/dev/null || mv /tmp /tmp.old
install -d -m 1777 /data/tmp
touch /data/tmp/of_others
ln -s data/tmp /tmp
works
mv /var/tmp /var/tmp.old
ln -s /tmp /var/tmp
works
rm /var/tmp
ln -s /data/tmp /var/tmp
works
rm /var/tmp && mv /var/tmp.old /var/tmp
rm /tmp && mkdir -m 1777 /tmp

promise="/var/lib leads to another disk"
mv /var/lib /data/lib
ln -s /data/lib /var/lib
works
rm /var/lib && mv /data/lib /var/lib

promise="with podman-docker, whose /run/docker.sock is a link, runs go on, and reach no socket"
install -d -m 755 /run/podman
cat >/opt/serve.py <<'END'
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/podman/podman.sock")
os.chmod("/run/podman/podman.sock", 0o666)
s.listen(9)
time.sleep(120)
END
python3 /opt/serve.py &
server=$!
rm -f /run/docker.sock
ln -s /run/podman/podman.sock /run/docker.sock
connect='import socket; socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
soon python3 -c "$connect"
for allow in '' setuid docker; do
	ok as alice au new -y ${allow:+--unlock $allow}
	if [ "$allow" = docker ]; then
		ok as alice au run python3 -c "$connect"
	else
		fails 1 as alice au run python3 -c "$connect"
	fi
done
kill $server
rm -r /run/podman /run/docker.sock

promise="a link that is not root's, or in a folder that others can write, stops a run, which says so"
ok as alice au new -y
install -d -m 1777 /data/open
mv /var/tmp /var/tmp.old
ln -s /data/open /var/tmp
chown -h bob /var/tmp
fails 125 as alice au run true
complains 'open /var/tmp: want no symbolic link on the way but root'
rm /var/tmp && mv /var/tmp.old /var/tmp
ok as alice au run true
ok as alice au delete -y -H
