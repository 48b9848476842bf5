#!/bin/sh
# A second human can be let in, and shut out again.
# machines: bookworm
# machines by hand: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
fails 125 as bob au run id -u
snapshot

promise="somebody else does not join an agent by making it, root for them neither; they are told how"
fails 1 as bob au new -y
complains 'agent "agent" has other humans (alice)'
complains 'au: hint: au grant --agent agent bob'
fails 1 au --human bob new -y
complains 'has other humans'
ok as bob au new -y -a bobs
ok as bob au delete -y -H -a bobs
unchanged before '/home/bob/\.config'

promise="what it means is said before it is asked; without anybody to ask nothing happens"
fails 1 as alice au grant bob
complains 'have to trust each other'
complains '.bashrc'
complains 'there is nobody to ask'
unchanged before '/home/bob/\.config'

promise="a second human can be let in"

ok as alice au grant -y bob
says '$ sudo usermod --append --groups su-as-agent bob'
ok as bob au run id -u
says_exactly "$uid"
ok as bob au list
says agent
ok as bob au info
says_not BROKEN
ok as bob sh -c 'echo from bob > /home/agent/bobs && cat /home/agent/.profile >/dev/null'
ok as alice sh -c 'echo and alice >> /home/agent/bobs'
ok as alice au grant bob
says 'nothing to do'

promise="an entrypoint that one of them installs anew does not lock the other out"
rm /usr/local/libexec/au/agent/su_as_agent
ok as bob au new -y
ok as bob au run true
ok as alice au run true
ok as alice au info

promise="a revoke says that their runs go on, and ends those, and no other, when it is told to"
as bob sh -c 'au run sh -c "setsid sleep 1001 & sleep 1001"; echo $? >status' &
as alice sh -c 'au run sleep 1002; echo $? >status' &
soon pgrep -u agent -f 'sleep 1001'
soon pgrep -u agent -f 'sleep 1002'
ok as alice au revoke --dry-run --stop bob
says 'end-runs --agent-uid'
ok pgrep -u agent -f 'sleep 1001'
ok as alice au revoke bob
says 'The runs of bob in agent agent go on until they end. To end them: au revoke --agent agent --stop bob'
ok pgrep -u agent -f 'sleep 1001'
ok as alice au revoke --stop bob
says "end-runs --agent-uid $uid --human-uid 1001"
soon test -s /home/bob/status
soon sh -c "! pgrep -u agent -f 'sleep 1001'"
ok cat /home/bob/status
says_exactly 137
ok pgrep -u agent -f 'sleep 1002'
[ ! -e /home/alice/status ] || fail "alice's run ended"
ok as alice au revoke --stop bob
says '# 0 runs ended'
ok as alice au stop
rm -f /home/bob/status /home/alice/status
fails 1 as alice au end-runs --agent-uid "$uid" --human-uid 1000
complains 'only root can'

promise="nobody can keep a door open: what had read the policy, and was held up before it ran anything, ends with the right to enter"
ok as alice au grant -y bob
# Bob stops the entrypoint before it is root's in every id.
E=/usr/local/libexec/au/agent/su_as_agent
as bob python3 -c "
import os, signal, subprocess, time
for i in range(48):
    p = subprocess.Popen(['$E', 'agent', '--', 'sh', '-c', 'echo x >~/late'])
    time.sleep(i % 12 * 3e-4)
    try: os.kill(p.pid, signal.SIGSTOP)
    except PermissionError: p.wait()
time.sleep(1)
print('held', flush=True)
time.sleep(600)" >"$e2e/held" 2>&1 &
soon grep -q held "$e2e/held"
held() { pgrep -fx "$E agent .*late" | while read -r pid; do grep -q '^Uid:.*\b0\b' "/proc/$pid/status" && echo "$pid"; done; }
[ -n "$(held)" ] || fail "nothing is held up, so that this would show nothing"
rm -f /home/agent/late
ok as alice au revoke bob
says 'end-entering agent'
says 'ended before they ran anything'
pkill -CONT -u bob
sleep 2
[ -z "$(held)" ] || fail "these could still enter: $(held)"
fails 1 test -e /home/agent/late
pkill -KILL -u bob

promise="on a terminal it asks"
ok as alice au grant -y bob
as bob sh -c 'au run sleep 1003; echo $? >status' &
soon pgrep -u agent -f 'sleep 1003'
ok as alice sh -c 'echo y | script -qec "au revoke bob" /dev/null'
says 'What bob runs in agent agent goes on. End it? (1)'
soon test -s /home/bob/status
soon sh -c "! pgrep -u agent -f 'sleep 1003'"
rm -f /home/bob/status

promise="who was shut out is out"
fails 125 as bob au run true
fails 1 as bob cat /home/agent/bobs
fails 126 as bob /usr/local/libexec/au/agent/su_as_agent agent -- true
ok as alice au run true
rm /home/agent/bobs
as alice au run true
ok as alice au revoke bob
says 'nothing to do'
fails 1 as alice au revoke alice
complains 'only human'
fails 1 as alice au grant nosuch
complains 'user "nosuch": no such user'
fails 1 as alice au grant root
unchanged before '/run/au' '/home/(bob|alice)/\.config' '/home/agent ' '/usr/local/libexec/au/agent/su_as_agent '
