#!/bin/sh
# The agent reads the arguments of the human's processes
. /opt/e2e/attacks-original/common
as alice sh -c 'exec sleep 4321' &
soon pgrep -u alice -f 'sleep 4321'
must run_as_agent sh -c 'cat /proc/self/cmdline >/dev/null'
succeeded run_as_agent sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " " | grep -q "sleep 432[1]"'
