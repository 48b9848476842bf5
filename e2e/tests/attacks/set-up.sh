#!/bin/sh
# While a run is set up its caller can neither signal nor trace it; afterwards it can end it, and still not look into it.
. /opt/e2e/tests/attacks/common
cat >/opt/probe.py <<'END'
import ctypes, os, subprocess, sys
# probe.py ENTRYPOINT ARG…: starts it again and again, and meanwhile tries what a caller might
libc = ctypes.CDLL(None)
SEIZE = 0x4206
closed = 0

def may_signal(pid):
    try:
        os.kill(pid, 0)
        return True
    except PermissionError:
        return False

def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(c) for c in f.read().split()]

for _ in range(20):
    run = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    while run.poll() is None:
        try:
            closed += not may_signal(run.pid)
            if libc.ptrace(SEIZE, run.pid, None, None) == 0:
                sys.exit("got a trace of the waiter")
            for child in children(run.pid):
                if may_signal(child):
                    sys.exit("got a signal to who builds the walls")
                if libc.ptrace(SEIZE, child, None, None) == 0:
                    sys.exit("got a trace of who builds the walls")
        except (ProcessLookupError, FileNotFoundError):
            pass
print("closed to signals" if closed else "never closed to signals")
END
ok human python3 /opt/probe.py $E agent --rw $share attacked -- sleep 0.05
says_exactly 'closed to signals'
rm /opt/probe.py
