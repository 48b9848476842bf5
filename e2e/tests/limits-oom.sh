#!/bin/sh
# A run that hits the agent's memory limit says so, with the limit and how to raise it; no other run says anything.
# timeout: 1500
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y --mem 128M
cat >/usr/local/share/hog.py <<'END'
x = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
print("survived")
END
fails 137 as alice au run python3 /usr/local/share/hog.py
complains 'au: agent "agent" used up its memory limit of 128M: the kernel ended a process of it'
complains "au: hint: au limits set --agent agent --mem 256M"

promise="it says so of a process in the background too, and the run's own status stays"
fails 3 as alice au run sh -c 'python3 /usr/local/share/hog.py; exit 3'
complains "used up its memory limit of 128M"
ok as alice au run sh -c 'python3 /usr/local/share/hog.py & wait; true'
complains "used up its memory limit of 128M"
ok at_terminal alice au run sh -c 'python3 /usr/local/share/hog.py; true'
says "used up its memory limit of 128M"

promise="the hint works"
ok as alice sh -c 'au limits set --agent agent --mem 600M'
ok as alice au run python3 /usr/local/share/hog.py
says survived

promise="no message where nothing was killed for want of memory"
fails 137 as alice au run sh -c 'kill -9 $$'
silent
ok as alice au run true
silent
