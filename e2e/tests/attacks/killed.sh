#!/bin/sh
# The human ends a run without sudo, at any moment, and nothing of it is left.
. /opt/e2e/tests/attacks/common
gone() { soon sh -c '! pgrep -u agent'; }
sort /proc/mounts >$e2e/mounts

for signal in KILL TERM; do
	start -- sh -c 'trap "" HUP; sleep 1000 & setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & wait'
	soon sh -c '[ $(pgrep -u agent -c sleep) = 3 ]'
	ok sh -c '! pgrep -u root su_as_agent'
	ok human kill -$signal $waiter
	gone
	wait
done

promise="its background processes end with it"
ok enter -- sh -c 'setsid sleep 1000 & exit 0'
gone

promise="SIGKILL at ${ROUNDS:=100} random moments leaves nothing: no process, no mount, no namespace"
human python3 -c '
import os, random, signal, subprocess, sys, time
for i in range(int(sys.argv[2])):
    p = subprocess.Popen([sys.argv[1], "agent", "--rw", sys.argv[3], "attacked/deep", "--", "sleep", "1000"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.random() * 0.02)
    while p.poll() is None:
        try: p.kill(); p.wait()
        except PermissionError: pass  # the moment in which it is root, and nobody may' $E "$ROUNDS" $share || fail "the rounds did not end"
gone
sort /proc/mounts | comm -13 $e2e/mounts - >$e2e/left
[ ! -s $e2e/left ] || fail "mounts are left: $(cat $e2e/left)"
ok sh -c '! pgrep su_as_agent'
ok enter -- true
