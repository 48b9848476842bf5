#!/bin/sh
# A limit on the agent's slice (20 tasks) does not bind its run (60 are started)
. /opt/e2e/attacks-original/common
must systemctl set-property --runtime "user-$(id -u agent).slice" TasksMax=20
# shellcheck disable=SC2016 # the run's shell expands it
printf '%s\n' 'for i in $(seq 60); do sleep 5 & done 2>/dev/null' 'sleep 2' >/opt/many
run_as_agent bash /opt/many &
for _ in 1 2 3 4 5 6; do
	sleep 0.5
	[ "$(pgrep -c -u agent sleep)" -lt 60 ] || exit 0
done
exit 1
