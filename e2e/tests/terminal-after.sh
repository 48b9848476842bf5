#!/bin/sh
# While au says what a run changed, the terminal is the human's: Ctrl-C and Ctrl-\ end the look, Ctrl-Z stops it, and the status is the run's.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
as alice mkdir proj
ok as alice au mount add --rw proj
# A look that takes as long as it may: each of these takes a tenth of a second to read.
ok as alice au run python3 -c '
import os
for i in range(200):
    at = f"proj/{i}"
    os.makedirs(at + "/objects"); os.mkdir(at + "/refs"); open(at + "/HEAD", "w")
    open(at + "/config", "w").write("a\n" * 500000)'
complains 'au: not all of /home/alice/proj was looked at'
complains 'au: hint: au mount check --agent agent /home/alice/proj'
ok python3 /opt/e2e/tests/terminal/after.py after

# Where not only disks of the machine answer, a process of its own looks.
mkdir ~alice/proj/elsewhere
mount -t ramfs none ~alice/proj/elsewhere
ok python3 /opt/e2e/tests/terminal/after.py look
