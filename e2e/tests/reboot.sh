#!/bin/sh
# A machine that reboots keeps its disk, and nothing else.
# machines: trixie
. /opt/e2e/lib.sh

case $STAGE in
1)
	echo kept >/home/alice/note
	echo kept >/etc/note
	echo gone >/run/note
	cat /proc/sys/kernel/random/boot_id >/etc/boot_id
	sync
	reboot_machine
	;;
2)
	ok cat /home/alice/note /etc/note
	fails 1 cat /run/note
	ok systemctl is-system-running
	;;
esac
