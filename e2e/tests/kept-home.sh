#!/bin/sh
# A home that survived its agent is closed, and is never reused silently or trusted.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au run sh -c 'echo precious > note; mkdir sub; echo deep > sub/deep; chmod 700 sub'
ok as alice au delete -y
ok stat -c '%a %U:%G' /home/agent
says_exactly '700 root:root'
ok cat /home/agent/note
fails 1 id agent
ok sh -c 'find / -xdev -perm -4000 -path "*su_as_agent*"'
silent

promise="somebody who gets the uid finds the home closed"
useradd --uid 1003 newcomer
fails 2 runuser -u newcomer -- ls /home/agent/sub

promise="the next agent of that name gets it, and au says so; what is planted in it misleads nobody"
rm -rf /home/agent/.ssh
ln -s /home/alice/.ssh /home/agent/.ssh
ln -sf /etc/shadow /home/agent/.bashrc
echo 'all: ; touch /home/alice/owned' >/home/agent/GNUmakefile
stat -c '%n %a %U' /etc/shadow /home/alice >"$e2e/kept"
ok as alice au new -y
complains 'is left from an earlier agent'
ok as alice au run cat note
says_exactly precious
stat -c '%n %a %U' /etc/shadow /home/alice | cmp -s - "$e2e/kept" || fail "something outside the home changed"
fails 1 test -e /home/alice/owned
fails 1 test -e /home/alice/.ssh
ok as alice au info
ok as alice au delete -y -H
fails 1 test -e /home/agent

promise="a home of somebody else's is refused"
mkdir -m 700 /home/agent
chown bob /home/agent
fails 1 as alice au new -y
complains 'belongs to user "bob"'
