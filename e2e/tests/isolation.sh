#!/bin/sh
# The agent has nothing that is the human's, and nobody but the agent's humans can be the agent.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
entrypoint=/usr/local/libexec/au/agent/su_as_agent
as alice sh -c 'echo secret > diary'

promise="the agent cannot read the human's home, and the human can read the agent's"
fails 1 as alice au run cat /home/alice/diary
fails 2 as alice au run ls /home/alice
as alice au run sh -c 'echo hello > note'
ok as alice cat /home/agent/note
says_exactly hello
ok as alice sh -c 'echo more >> /home/agent/note && echo mine > /home/agent/mine'
ok as alice au run sh -c 'echo again >> mine && cat mine'

promise="the agent cannot run the entrypoint, neither inside a run nor as root's own sudo -u"
fails 126 as alice au run $entrypoint agent -- id
fails 126 sudo -u agent sh -c "$entrypoint agent -- id"
fails 1 sudo -u agent test -r $entrypoint

promise="a stranger cannot run it, and cannot enter through au"
fails 126 as carol $entrypoint agent -- id
fails 125 as carol au run id
says_not agent
ok install -m 4755 $entrypoint /opt/open_to_all
fails 125 as carol /opt/open_to_all agent -- id
complains 'may not enter'
rm /opt/open_to_all

promise="the account itself is shut: no su, no ssh, no cron, no password"
fails 1 as alice su agent -c id
ok sh -c 'getent shadow agent | cut -d: -f2'
says '!'

promise="no file descriptor of the caller's is open in the command"
ok as alice sh -c 'exec 7</etc/passwd 9</home/alice/diary; au run ls -l /proc/self/fd'
says_not diary
says_not passwd

promise="set-uid programs give nothing"
ok as alice au run sh -c 'grep NoNewPrivs /proc/self/status; grep CapBnd /proc/self/status'
says 'NoNewPrivs:	1'
says 'CapBnd:	0000000000000000'
fails 1 as alice au run sudo -n id

promise="arguments that attack are refused or harmless"
for name in ../agent agent/ '' . .. /etc/passwd "$(printf 'a\nb')" -- --dir; do
	fails 125 as alice $entrypoint "$name" -- id
done
fails 125 as alice $entrypoint
fails 125 as alice $entrypoint agent
fails 125 as alice $entrypoint agent --
fails 125 as alice $entrypoint agent id
fails 125 as alice $entrypoint agent --nosuch -- id
fails 125 as alice $entrypoint agent --dir relative -- id
fails 125 as alice $entrypoint agent --rw /home/alice/../bob x -- id
fails 125 as alice $entrypoint agent --rw /home/alice/proj ../x -- id
ok as alice python3 -c "
import os, sys
pid = os.fork()
if pid == 0:
    try: os.execve('$entrypoint', [], {})
    except Exception: os._exit(125)
sys.exit(0 if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (125, -11, 1) else 1)"
ok as alice sh -c "$entrypoint agent -- id -u <&- >out 2>&- ; exec cat out"
ok as alice sh -c 'ulimit -n 8; ulimit -s 256; ulimit -f 10; au run true || test $? = 125'
fails 137 as alice sh -c 'ulimit -t 1; au run sh -c "ulimit -t; kill -9 \$\$"'
