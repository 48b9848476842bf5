#!/bin/sh
# After a reboot au run works, and is in the agent's unit.
# machines: trixie
# machines by hand: true
. /opt/e2e/lib.sh
case $STAGE in
1)
	ok as alice au new -y
	reboot_machine
	;;
2)
	ok as alice au run cat /proc/self/cgroup
	says "user-$(id -u agent).slice/au-agent.service"
	ok as alice au info
	ok as alice au delete -y -H
	fails 4 systemctl is-active au-agent.service
	;;
esac
