#!/bin/sh
# In a share the agent reads whatever the modes are, and in a writable one all it makes is the human's.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -m 700 ro rw && umask 077 && echo secret > ro/file && mkdir ro/closed && echo deep > ro/closed/deep && echo old > rw/old && mkdir rw/dir'
ok as alice au mount add ro
ok as alice au mount add --rw rw

ok as alice au run cat ro/file ro/closed/deep
says 'secret
deep'
fails 2 as alice au run sh -c 'echo x > ro/file'
fails 1 as alice au run touch ro/closed/x
fails 1 as alice au run rm ro/file

promise="the agent creates, edits, renames, links, chmods and deletes; on disk everything is the human's"
ok as alice au run sh -c 'cd ~/rw && echo new > new && mkdir -p a/b && echo x > a/b/x && mv old older && ln older hard && ln -s older soft &&
	mkfifo pipe && chmod 600 new && chmod 755 a && echo more >> older && rm pipe && touch -d 2020-01-01 a/b/x && cp -a a copy && install -d -m 700 made &&
	tar cf - a | tar xpf - -C made && chmod u+x dir && rmdir dir'
ok find /home/alice/rw ! -user alice -o ! -group alice
silent
ok stat -c '%a %n' /home/alice/rw/new /home/alice/rw/a /home/alice/rw/made
says_exactly '600 /home/alice/rw/new
755 /home/alice/rw/a
700 /home/alice/rw/made'
ok as alice cat rw/new rw/older
says_exactly 'new
old
more'
ok as alice au run stat -c '%U:%G' rw/new
says_exactly agent:agent

promise="what the human makes later is the agent's inside, whatever its mode"
as alice sh -c 'umask 077 && echo later > rw/later && mkdir rw/later.d && echo deep > rw/later.d/deep'
ok as alice au run sh -c 'cat rw/later rw/later.d/deep && rm -r rw/later.d && echo edited > rw/later'
says 'later
deep'
ok as alice cat rw/later
says_exactly edited

promise="what others own stays theirs"
install -o bob -m 600 /dev/null /home/alice/rw/bobs
install -o root -m 644 /dev/null /home/alice/rw/roots
fails 1 as alice au run cat rw/bobs
fails 2 as alice au run sh -c 'echo x > rw/roots'
ok as alice au run stat -c %u rw/roots
says_exactly 65534
ok as alice au run cat rw/roots

promise="a set-uid file cannot be made, and one that is there does not work inside"
fails 1 as alice au run sh -c 'cp /bin/true rw/true && chmod u+s rw/true'
fails 1 test -u /home/alice/rw/true
install -o alice -m 4755 /usr/bin/id /home/alice/rw/suid
ok as alice au run rw/suid -u
says_not 1000
ok as alice au run sh -c 'findmnt -no OPTIONS ~/rw || grep /home/agent/rw /proc/self/mountinfo'
says nosuid
says nodev

promise="nothing beside the share is seen"
ok as alice au run ls -A /home/alice
says_exactly 'ro
rw'
as alice sh -c 'echo private > private; ln -s ../private rw/escape; ln -s /home/alice/private rw/escape2'
fails 1 as alice au run cat rw/escape
fails 1 as alice au run cat rw/escape2
fails 1 as alice au run sh -c 'ln private rw/x'
