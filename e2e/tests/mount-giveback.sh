#!/bin/sh
# Files that an agent left behind in a share of another kind become the human's again, after asking.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
as alice sh -c 'mkdir -p proj/dir proj/closed && echo mine > proj/mine && ln -s /etc/passwd proj/human-link'
cd /home/alice/proj || exit 1
# As an agent of agent-as-unix-user 2.x leaves things.
mkdir agents shut
echo x > agents/x
echo suid > agents/suid
echo x > shut/x
ln -s /etc/shadow agents/link
ln agents/x agents/second
mkfifo agents/pipe
echo b > bobs
chown -hR "$uid:$uid" agents shut
chown bob bobs
chmod 700 shut
chmod 4755 agents/suid
shadow=$(stat -c '%u %g %a' /etc/shadow)

fails 1 as alice au mount add --rw proj
complains 'standard input is not a terminal'
ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'
ok as alice au mount add -y --rw proj
says "$ sudo /usr/local/bin/au files give-back --from $uid --to 1000 --group 1000 /home/alice/proj"
says '# much as: find /home/alice/proj -xdev -uid'
says 'left as it is'
ok stat -c '%U %a' agents/suid shut/x agents shut
says_exactly 'alice 755
alice 644
alice 755
alice 700'
ok stat -c '%U' agents/x agents/link bobs
says_exactly 'agent
alice
bob'
[ "$(stat -c '%u %g %a' /etc/shadow)" = "$shadow" ] || fail "what a link leads to should be as it was"
ok as alice au run sh -c 'echo y > proj/agents/suid && cat proj/shut/x'

promise="the owner is a user who is gone by now"
ok as alice au mount remove proj
chown 4242 mine
ok as alice au mount add -y --rw proj
says 'give-back --from 4242'
ok stat -c %U mine
says_exactly alice

promise="nothing to give back, nothing asked: others' files are left alone"
ok as alice au mount remove proj
rm -r agents
ok as alice au mount add --rw proj
says_not sudo
ok stat -c %U bobs
says_exactly bob

promise="only root gives back, and only an agent's files in a human's folder"
fails 1 as alice au files give-back --from "$uid" --to 1000 --group 1000 /home/alice/proj
complains 'only root can'
fails 1 au files give-back --from 0 --to 1000 --group 1000 /home/alice/proj
fails 1 au files give-back --from "$uid" --to 1000 --group 1000 /home/bob
complains 'it belongs to uid 1001'
