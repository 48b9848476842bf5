#!/bin/sh
# An agent whose account is not expired is not run: it could log in to itself, outside of all walls.
. /opt/e2e/tests/attacks/common
ok enter -- id -u
ok enter --check
for day in '' 90000 2100-01-01; do
	usermod --expiredate "$day" agent
	fails 125 enter -- id -u
	says_not "$agent"
	complains 'its account is not expired'
	complains 'hint: sudo usermod --expiredate 1 agent'
	fails 1 enter --check
	silent
done

promise="nor by another's expiry, whose line stands before or whose name begins alike"
cp -p /etc/shadow /etc/shadow.kept
for line in 'agen:!::::::1:' 'agent2:!::::::1:' 'x:agent:!::::::1:' 'agent:!:20000:0:99999:7:1::'; do
	{ echo "$line"; cat /etc/shadow.kept; } >/etc/shadow
	fails 125 enter -- id -u
done
sed '/^agent:/d' /etc/shadow.kept >/etc/shadow
fails 125 enter -- id -u
mv /etc/shadow.kept /etc/shadow

promise="nor by the word of a file that others can write, or that is not a file"
usermod --expiredate 1 agent
ok enter -- id -u
chmod o+w /etc/shadow
fails 125 enter -- id -u
complains 'want a regular file that root owns and only root can write'
chmod o-w /etc/shadow
chown carol /etc/shadow
fails 125 enter -- id -u
chown root /etc/shadow
ok enter -- id -u

promise="asking runs nothing, and nobody may ask who may not enter"
ok enter --check
silent
fails 126 as carol "$E" agent --check
