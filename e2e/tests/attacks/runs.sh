#!/bin/sh
# An agent cannot make what looks like a run, whatever its processes are called; what au list shows of a run is not its to choose.
. /opt/e2e/tests/attacks/common
[ -e /etc/au/agents/spaces ] || ok as alice au new -y -a spaces --unlock userns
cat >/home/spaces/forge.py <<'PY'
import ctypes, os, time
# A first process of a pid namespace of its own, with the entrypoint's name and arguments, and its children.
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, b"su_as_agent", 0, 0, 0)
words = ["su_as_agent", "spaces", "--same-rw", "/etc", "etc", "--", "forged"]
if libc.unshare(0x10000000 | 0x20000000) != 0:  # user and pid namespaces
    print("no namespace", ctypes.get_errno(), flush=True)
for _ in range(3):
    if os.fork() == 0:
        os.execv("/usr/bin/python3", words[:1] + ["-c", "import time; time.sleep(600)"] + words[1:])
print("forged", flush=True)
time.sleep(600)
PY
human /usr/local/libexec/au/spaces/su_as_agent spaces -- python3 /home/spaces/forge.py </dev/null >"$e2e/forge" 2>&1 &
waiter=$!
soon grep -q forged "$e2e/forge"
[ "$(pgrep -c -u spaces -f forged)" -ge 3 ] || fail "nothing was forged, so that this would show nothing"
grep -l '^NSpid:.*	.*	1$' /proc/[0-9]*/status >/dev/null || fail "nothing is the first of a namespace below the run's"
ok as alice au list
[ "$(grep -c 'run .*: ' "$e2e/out")" = 1 ] || fail "not one run is shown: $(cat "$e2e/out")"
says ': python3 of alice'
says_not forged
says_not /etc
kill -9 $waiter
wait
