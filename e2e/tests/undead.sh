#!/bin/sh
# au delete ends the agent's processes first, wherever they run; where one will not die it says why, what is left, and what mends it.
# machines: trixie
# machines by hand: bookworm true
# waits: yes
. /opt/e2e/lib.sh
gone() { fails 1 pgrep -u "$uid"; fails 1 id agent; }
made() { ok as alice au new -y; uid=$(id -u agent); }
# refuses WHY: au delete names the process that will not die and all that is left, takes nothing of that, and its hint leads to the rest.
refuses() {
	fails 1 as alice au delete -y -H
	complains 'processes of agent "agent" will not die: '
	complains "$1"
	complains 'left over from agent agent: unit au-agent.service'
	hint=$(sed -n 's/^au: hint: //p' "$e2e/err")
	ok id agent
	ok test -d /home/agent
	case $hint in *' && au delete --agent agent --delete-home') ;; *) fail "the hint is: $hint" ;; esac
	ok as alice sh -c "$hint --yes"
	gone
	[ "$(systemctl --failed --no-legend | grep -c au-agent)" = 0 ] || fail "a failed unit is left"
}
made
as alice sh -c 'au run sleep 1000; true' &
soon pgrep -u agent sleep
runuser -u agent -- sleep 2000 &
runuser -u agent -- sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' &
soon sh -c '[ "$(pgrep -u agent -c sleep)" -ge 3 ]'
ok as alice au delete -y -H
gone

promise="a run that its human has stopped keeps nobody from stopping or deleting the agent"
made
ok as alice au grant -y bob
for human in alice bob; do
	as $human sh -c 'au run sleep 1000' &
done
soon sh -c '[ "$(pgrep -u agent -xc sleep)" = 2 ]'
pkill -STOP -u alice,bob -x su_as_agent
ok as alice au stop
says 'Everything of agent agent has ended'
ok sh -c 'ps -u agent -o stat= | grep Z'
ok as alice au delete -y -H
fails 1 id agent
pkill -CONT -u alice,bob -x su_as_agent
wait
gone

promise="one that is traced"
made
cat >/usr/local/share/trace.py <<'END'
# trace.py PID: holds PID when it exits, and never lets it go.
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
SEIZE, AT_EXIT = 0x4206, 0x40
assert libc.ptrace(SEIZE, int(sys.argv[1]), None, ctypes.c_void_p(AT_EXIT)) == 0, ctypes.get_errno()
print("traced", flush=True)
time.sleep(1000)
END
runuser -u agent -- sleep 3000 &
soon pgrep -u agent sleep
python3 /usr/local/share/trace.py "$(pgrep -u agent sleep)" >/run/e2e/traced &
soon grep traced /run/e2e/traced
refuses " sleep is traced by $! python3"

promise="one that root has put into a run, whose parent does not take note of its end"
made
as alice sh -c 'au run sleep 1000; true' &
soon pgrep -u agent -x sleep
cat >/usr/local/share/enter.py <<'END'
# enter.py PID: has a child in the pid namespace of PID, and never asks how it ended.
import ctypes, os, sys, time
fd = os.open("/proc/%s/ns/pid" % sys.argv[1], os.O_RDONLY)
assert ctypes.CDLL(None).setns(fd, 0) == 0
if os.fork() == 0: time.sleep(1000)
print("entered", flush=True)
time.sleep(1000)
END
python3 /usr/local/share/enter.py "$(pgrep -u agent -x sleep)" >/run/e2e/entered &
enter=$!
soon grep entered /run/e2e/entered
refuses " su_as_agent waits until $enter python3 takes note that "

promise="one that a unit of somebody else's starts again"
made
systemd-run -q --unit job --uid root -p Restart=always -p RestartSec=10ms -p StartLimitIntervalSec=0 runuser -u agent -- sleep 4000
soon pgrep -u agent sleep
refuses " sleep is started by job.service"

promise="one that cgroup v1 has frozen"
freezer=/sys/fs/cgroup/freezer/undead
if mkdir $freezer 2>/dev/null; then
	made
	runuser -u agent -- sleep 3000 &
	soon pgrep -u agent sleep
	pid=$(pgrep -u agent sleep)
	mkdir $freezer/below
	echo "$pid" >$freezer/below/cgroup.procs
	echo FROZEN >$freezer/freezer.state
	fails 1 as alice au stop
	complains "$pid sleep"
	refuses "$pid sleep is frozen by $freezer/freezer.state"
	rmdir $freezer/below $freezer
fi

promise="where users do not see each other's processes, root looks"
mount -o remount,hidepid=2 /proc
made
runuser -u agent -- sleep 3000 &
soon pgrep -u agent sleep
fails 1 as alice pgrep -u agent
fails 1 as alice au stop
complains 'they still run: '
rm /run/e2e/traced
python3 /usr/local/share/trace.py "$(pgrep -u agent sleep)" >/run/e2e/traced &
soon grep traced /run/e2e/traced
refuses " sleep is traced by $! python3"
