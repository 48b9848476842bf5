#!/bin/sh
# Everything an agent starts, however it starts it, shares its limits; the human's own processes do not notice.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# timeout: 900
. /opt/e2e/lib.sh
promise="limits can be asked for when the agent is made"
ok as alice au new -y --cpu 50% --mem 128M --tasks 60
says "au slice set --agent agent CPUQuotaPerSecUSec=500000 MemoryMax=134217728 MemorySwapMax=0 TasksMax=60"
hog='import sys
x = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
print("survived")'
printf '%s\n' "$hog" >/tmp/hog.py
chmod 644 /tmp/hog.py
cp /tmp/hog.py /usr/local/share/hog.py

promise="a memory hog dies at the limit, and its human's shell does not"
fails 137 as alice au run python3 /usr/local/share/hog.py
says_not survived
ok as alice sh -c 'au run python3 /usr/local/share/hog.py; echo status $?; python3 /usr/local/share/hog.py'
says "status 137"
says "survived"
promise="...in the background, and from a nested shell"
ok as alice au run sh -c 'sh -c "python3 /usr/local/share/hog.py; echo status \$?" & wait'
says "status 137"
ok as alice au run bash -c 'setsid bash -c "(python3 /usr/local/share/hog.py; echo status \$?)" | cat'
says "status 137"
promise="...and when several runs share it: the limit is the agent's, not each run's"
half='x = [bytearray(b"x" * (1 << 20)) for _ in range(75)]
import time
time.sleep(5)
print("survived")'
printf '%s\n' "$half" >/usr/local/share/half.py
ok as alice au run python3 /usr/local/share/half.py
says survived
ok as alice sh -c 'au run python3 /usr/local/share/half.py & au run python3 /usr/local/share/half.py & wait'
[ "$(output | grep -c survived)" = 1 ] || fail "one of two should have died: together they are over the limit"
promise="the keeper survives all of that, and so does the unit"
ok systemctl is-active au-agent.service
ok systemctl show -P NRestarts au-agent.service
says_exactly 0
promise="a fork bomb stops at the limit of tasks, and the human can still start processes"
cat >/usr/local/share/bomb.py <<'END'
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.2)
END
as alice au run python3 /usr/local/share/bomb.py >/dev/null 2>&1 &
slice=user-$(id -u agent).slice
pids=$(ls -d /sys/fs/cgroup/pids/user.slice/"$slice" /sys/fs/cgroup/user.slice/"$slice" 2>/dev/null | head -n 1)
soon sh -c "test \$(cat $pids/pids.current) -ge 50"
sleep 2
[ "$(cat "$pids/pids.current")" -le 60 ] || fail "$(cat "$pids/pids.current") tasks where 60 is the limit"
[ "$(pgrep -c -u agent)" -le 60 ] || fail "$(pgrep -c -u agent) processes where 60 is the limit"
ok as alice sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait; echo fine'
says_exactly fine
ok as alice au stop
fails 1 pgrep -u agent
wait

# throttled prints how often the kernel has held the agent back for its CPU limit.
throttled() { sed -n 's/^nr_throttled //p' "$cpu/cpu.stat"; }
cpu=$(ls -d /sys/fs/cgroup/cpu/user.slice/"$slice" /sys/fs/cgroup/user.slice/"$slice" 2>/dev/null | head -n 1)

# busy runs eight busy loops in two runs, in the background and nested; got is the percent of one core that they get
# together, held how often the kernel held them back meanwhile.
busy() {
	as alice sh -c 'au run sh -c "for i in 1 2 3; do (while :; do :; done) & done; sh -c \"while :; do :; done\"" &
		au run bash -c "for i in 1 2 3; do setsid sh -c \"while :; do :; done\" & done; while :; do :; done" & wait' >/dev/null 2>&1 &
	soon sh -c 'test $(pgrep -c -u agent) -ge 8'
	sleep 1
	held=$(throttled)
	ok as alice sh -c 'au top --json --interval 6s | jq ".[0].cpu_percent | round"'
	got=$(output)
	held=$(($(throttled) - held))
	ok as alice au stop
	wait
}
promise="eight busy loops share half a core"
busy
[ "$got" -le 58 ] || fail "eight loops got $got% of a core where 50% is the limit"
# On a machine so busy that they cannot have their half, there is nothing to hold back.
[ "$held" -gt 0 ] || [ "$got" -lt 45 ] || fail "nothing held them back, at $got%"
half=$got
promise="...and with no limit nothing holds them back"
ok as alice au limits reset --cpu
busy
[ "$held" = 0 ] || fail "they were held back $held times with no limit"
# On a machine that is busy itself they may not get more than before.
[ "$got" -gt 58 ] || echo "the machine was too busy to show more than $got% ($half% with the limit)"
if [ "$(nproc)" -gt 1 ]; then
	promise="eight busy loops share 150%"
	ok as alice au limits set --cpu 150%
	busy
	[ "$got" -le 165 ] || fail "eight loops got $got% of a core where 150% is the limit"
	echo "eight loops got $got% of a core where 150% is the limit"
fi
