#!/bin/sh
# A run sees no person's home, wherever it lies, also of one who may enter; what is not a person's home is there.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
# Where homes are on a disk of their own, here that of /home: the machine's other folders cannot be shared.
install -d -m 755 /data/people /users /opt/tools /home/disk
mount --bind /home/disk /data/people
useradd -M -d /data/people/dora dora && useradd -M -d /users/eve eve && useradd -M -d /data/link/fay fay
useradd -M -r -d /opt/tools toolman && useradd -M -d / nohome && useradd -M -d /opt/absent absent && useradd -M -d /srv srvman
for home in /data/people/dora /users/eve /data/real/fay /opt/tools; do
	install -d -m 755 $home
	echo open >$home/file
done
ln -s real /data/link
touch /srv/here
chown -R dora: /data/people/dora
ok as alice au new -y -v
says 'hide /data/people/dora'
for home in /data/people/dora /users/eve /data/real/fay /data/link/fay; do
	fails 1 as alice au run cat $home/file
done
ok as alice au run cat /opt/tools/file /srv/here
ok as alice au run ls /usr/bin/env /etc/passwd

promise="a human's folder in such a home can be shared"
echo 'dora ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/dora
install -d -o dora -g dora /data/people/dora/work
chmod 700 /data/people/dora
ok as alice au grant -y dora
ok as dora sh -c 'cd work && au run --rw . sh -c "echo made >file"'
ok cat /data/people/dora/work/file
says_exactly made
fails 1 as dora au run cat /data/people/dora/file

promise="a home that is made later is named, and covered by the next au new"
useradd -M -d /users/gil gil
install -d -m 755 /users/gil
echo open >/users/gil/file
ok as alice au run cat /users/gil/file
e2e_run as alice au info
grep -qF 'runs can see homes that were not there, or elsewhere, when the policy was written: /users/gil' $e2e/out $e2e/err || fail "the new home should be named"
ok as alice au new -y
fails 1 as alice au run cat /users/gil/file
ok as alice au info
says_not 'can see homes'

promise="many homes in one folder are covered with it, and with those that come later"
for n in 1 2 3 4 5 6 7 8; do
	useradd -M -d /data/students/s$n s$n
	install -d -m 755 /data/students/s$n
done
ok as alice au new -y
install -d -m 755 /data/students/later
echo open >/data/students/later/file
fails 1 as alice au run cat /data/students/later/file
ok as alice au run ls -A /data/students
silent

promise="a home that root has put elsewhere is covered there"
mv /users/eve /users/eve2 && ln -s eve2 /users/eve
fails 1 as alice au run cat /users/eve2/file
fails 1 as alice au run cat /users/eve/file

promise="a home that has become somebody else's link stops a run, which says what brings it up to date"
chown -h eve /users/eve
fails 125 as alice au run true
complains 'symbolic link'
ok as alice au new -y
ok as alice au run true
fails 1 as alice au run cat /users/eve2/file
