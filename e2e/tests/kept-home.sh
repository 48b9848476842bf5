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

promise="a home that is taken over leads root nowhere, whatever is swapped in it meanwhile; set-id bits go, and what has names elsewhere stays"
ok as alice au new -y
ok as alice au grant -y bob
ok as bob au run sh -c 'mkdir -p w/d w/z; echo x >w/d/shadow; : >w/once; ln w/once w/twice; : >w/suid; chmod 4755 w/suid || chmod 755 w/suid; cd w/z && touch $(seq 400)'
chmod 4755 /home/agent/w/suid
old=$(id -u agent)
# Nobody's too, and to be had by whoever has root follow a link.
mkdir -m 755 /srv/outside
: >/srv/outside/shadow
chown "$old:$old" /srv/outside/shadow
ln /home/agent/w/d/shadow /home/linked-shadow
cat >/srv/swap.py <<'END'
import os, time
os.chdir("/home/agent/w")  # a folder that is open outlives au delete
print("armed", flush=True)
end = time.time() + 60
while time.time() < end and not os.path.exists("/srv/over"):
    os.rename("d", "d.was"); os.symlink("/srv/outside", "d")
    os.remove("d"); os.rename("d.was", "d")
END
runuser -u bob -- python3 /srv/swap.py >"$e2e/swap" 2>&1 &
soon grep -q armed "$e2e/swap"
useradd --uid $((old + 5)) late
ok as alice au delete -y
setfacl --remove-all /home/agent # so that nothing says whose it was, and the next agent has another uid
ok as alice au new -y
says "au files take-over --uid"
touch /srv/over
wait
[ "$(stat -c %u /srv/outside/shadow)" = "$old" ] || fail "a file outside the home changed hands"
[ "$(id -u agent)" != "$old" ] || fail "the new agent should have another uid"
ok stat -c '%U %a' /home/agent/w/suid /home/agent/w/once /home/agent/w/twice /home/agent/w/z/7
says_exactly 'agent 755
agent 660
agent 660
agent 660'
[ "$(stat -c %u /home/linked-shadow)" = "$old" ] || fail "a file with a name elsewhere changed hands"
rm /home/linked-shadow

promise="mail, and a home with ten thousand folders, one in the other, are removed by au delete -H"
: >/var/mail/agent
chown agent: /var/mail/agent
ok as alice au run python3 -c '
import os
for _ in range(10000):
    os.mkdir("d")
    fd = os.open("d", os.O_PATH | os.O_DIRECTORY)
    os.fchdir(fd)
    os.close(fd)
'
ok as alice au delete -y
ok as alice timeout 300 au new -y
ok as alice timeout 300 au delete -y -H
[ "$(wc -c <"$e2e/out")" -lt 20000 ] || fail "the way down is printed"
fails 1 test -e /home/agent
fails 1 test -e /var/mail/agent

promise="a home of somebody else's is refused"
mkdir -m 700 /home/agent
chown bob /home/agent
fails 1 as alice au new -y
complains 'belongs to user "bob"'
