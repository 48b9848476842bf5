#!/bin/sh
# A mount inside a share comes along, with nosuid and nodev added and its own flags kept.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice mkdir -p proj/sub proj/locked
mount -t tmpfs -o mode=700,uid=alice,gid=alice sub /home/alice/proj/sub
mount -t tmpfs -o mode=700,uid=alice,gid=alice,noexec,ro locked /home/alice/proj/locked
as alice sh -c 'echo inside > proj/sub/file'
ok as alice au mount add --rw proj
ok as alice au run cat proj/sub/file
says_exactly inside
ok as alice au run sh -c 'echo agent > proj/sub/new'
ok stat -c %U /home/alice/proj/sub/new
says_exactly alice
ok as alice au run grep /home/agent/proj/ /proc/self/mountinfo
for word in nosuid nodev; do
	[ "$(grep -c $word /run/e2e/out)" = 2 ] || fail "both mounts should have $word"
done
says noexec
fails 1 as alice au run touch proj/locked/x
complains 'Read-only'

promise="what the human unmounts is free although a run is open"
as alice sh -c 'au run sleep 60 & echo $! > pid'
sleep 1
ok umount /home/alice/proj/sub
ok pkill -u agent sleep
umount /home/alice/proj/locked

promise="a folder in the agent's home that is a link, or somebody else's, takes no share"
ok as alice au run sh -c 'ln -s /tmp ~/linked'
as alice mkdir -p linked/x
ok as alice au mount add linked/x
ok as alice au run pwd
complains 'au: share /home/alice/linked/x is left out of this run: share target linked/x: linked: reached through a symbolic link'
fails 125 as alice sh -c 'cd linked/x && au run true'
complains 'share target linked/x'
ok as alice au mount remove linked/x
ok as alice au run true
silent

promise="a source that the agent made a link leads nowhere"
as alice sh -c 'mkdir -p proj/docs Documents && echo private > Documents/private'
fails 1 as alice au mount add proj/docs elsewhere
complains 'cannot be read-only inside'
ok as alice au mount add --rw proj/docs elsewhere
ok as alice au run sh -c 'cd proj && mv docs away && ln -s ../Documents docs'
fails 1 as alice au run sh -c 'cat elsewhere/private'
complains 'au: share /home/alice/proj/docs is left out of this run: a symbolic link is in its place, or on the way to it'
