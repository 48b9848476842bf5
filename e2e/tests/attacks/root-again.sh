#!/bin/sh
# The agent is the agent for good: no id, capability or set-uid program makes it more.
. /opt/e2e/tests/attacks/common
tries root_again
says_not got
ok enter -- grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status
for line in "Uid:	$agent	$agent	$agent	$agent" 'CapPrm:	0000000000000000' 'CapEff:	0000000000000000' 'CapBnd:	0000000000000000' \
	'CapAmb:	0000000000000000' 'CapInh:	0000000000000000' 'NoNewPrivs:	1' 'Seccomp:	2'; do
	says "$line"
done
install -m 4755 "$(readlink -f "$(command -v python3)")" /opt/set_uid_python
fails 1 enter -- /opt/set_uid_python -c 'import os, sys; sys.exit(os.geteuid() != 0)'
rm /opt/set_uid_python

promise="pid 1 of the run, which was root, is out of its reach"
tries guard
says_not got
