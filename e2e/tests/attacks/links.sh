#!/bin/sh
# Where root's links lead, a run's walls are too; a link that anybody else could have put there, or could change, stops the run.
. /opt/e2e/tests/attacks/common
cp -p $policy /etc/au/kept
install -d -m 755 /opt/planted /opt/planted/real /opt/planted/other
echo secret >/opt/planted/real/file
chmod 644 /opt/planted/real/file
# leads OWNER MODE TARGET: a link that the owner made, in a folder with that mode that is root's
leads() {
	rm -rf /opt/planted/way
	install -d -m "$2" /opt/planted/way
	ln -s "$3" /opt/planted/way/link
	chown -h "$1" /opt/planted/way/link
}
echo 'hide /opt/planted/way/link/real' >>$policy

for target in /opt/planted .. ../../planted ../way/.. ../../../../../../opt/planted; do
	leads root 755 $target
	ok enter -- ls -A /opt/planted/way/link/real /opt/planted/real
	says_not file
	fails 1 enter -- cat /opt/planted/real/file
done
stopped() {
	fails 125 enter -- true
	complains 'hide /opt/planted/way/link/real: reached through a symbolic link'
}
leads bob 755 /opt/planted
stopped
for mode in 775 757 1777; do
	leads root $mode /opt/planted
	stopped
done
leads root 755 /opt/planted
setfacl -m u:bob:rwx /opt/planted/way
stopped
# A folder on the way behind the link counts as well.
leads root 755 /opt/planted
chown bob /opt/planted
stopped
chown root /opt/planted
leads root 755 link
stopped
cp -p /etc/au/kept $policy
leads root 755 /
echo 'hide /opt/planted/way/link' >>$policy
fails 125 enter -- true
cp -p /etc/au/kept $policy

promise="what is hidden may be a link itself: then what it leads to is hidden, and nothing where it leads nowhere"
leads root 755 /opt/planted/real/file
echo 'hide /opt/planted/way/link' >>$policy
fails 1 enter -- cat /opt/planted/real/file
fails 1 enter -- cat /opt/planted/way/link
leads root 755 nowhere
ok enter -- true
cp -p /etc/au/kept $policy

promise="temporary files are the agent's own where they really are; a link of somebody else's stops the run"
# tmp OWNER TARGET: what /var/tmp is; a mount could not be moved away.
umount /var/tmp 2>/dev/null
mv /var/tmp /var/tmp.kept
install -d -m 1777 /opt/planted/tmp
touch /opt/planted/tmp/of_others
for to in ../opt/planted/tmp /opt/planted/tmp; do
	ln -s $to /var/tmp
	ok enter -- sh -c 'ls -A /var/tmp/ /opt/planted/tmp; touch /var/tmp/mine; rm /opt/planted/tmp/mine'
	says_not of_others
	chown -h bob /var/tmp
	fails 125 enter -- true
	complains 'open /var/tmp: want no symbolic link on the way but'
	rm /var/tmp
done
mv /var/tmp.kept /var/tmp
rm -rf /opt/planted

promise="shared memory is the run's own, where the machine's is behind a link too, whichever /dev the run has"
umount /dev/shm
rm -rf /dev/shm /run/shm # Debian has a link of that name, the other way
install -d -m 1777 /run/shm
touch /run/shm/of_others
ln -s /run/shm /dev/shm
for allow in devices setuid ''; do
	cp -p /etc/au/kept $policy
	[ -z "$allow" ] || echo "allow $allow" >>$policy
	ok enter -- sh -c 'ls -A /dev/shm/ /run/shm/; echo mine >/dev/shm/mine; cat /dev/shm/mine'
	says mine
	says_not of_others
	ok sh -c '! test -e /run/shm/mine'
done
rm -rf /dev/shm /run/shm
ln -s /dev/shm /run/shm
mkdir -m 1777 /dev/shm && mount -t tmpfs -o mode=1777 shm /dev/shm
mv /etc/au/kept $policy
