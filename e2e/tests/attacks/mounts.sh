#!/bin/sh
# Everything of the kernel's that is mounted in a run, and each node of its /dev, is on a list, with a reason.
. /opt/e2e/tests/attacks/common
# The places and types; SECURITY.md has the reasons. Of cgroups there are as many as the machine has hierarchies.
cat >/opt/expected <<'END'
/ overlay
/dev tmpfs
/dev/mqueue mqueue
/dev/pts devpts
/dev/shm tmpfs
/home tmpfs
/proc proc
/root tmpfs
/run tmpfs
/run/user tmpfs
/sys sysfs
/sys/fs/cgroup CGROUPS
/tmp tmpfs
/var/tmp tmpfs
END
# seen COMMAND…: what it finds mounted, with the names of the list.
seen() { "$@" python3 $here/mounted.py | sed -E 's,^/sys/fs/cgroup.* (tmpfs|cgroup2?)$,/sys/fs/cgroup CGROUPS,; /^.home.agent /d; /^. overlay$/d' | sort -u; }
sed -i '/^. overlay/d' /opt/expected
ok seen enter --
cmp -s $e2e/out /opt/expected || fail "other mounts than those of the list (>):
$(diff /opt/expected $e2e/out)"

promise="and so it is where the machine has others: in /sys, and in a chroot of somebody's"
for place in /sys/kernel/security /sys/kernel/debug; do
	[ -d $place ] && ! mountpoint -q $place && mount -t tmpfs -o mode=755 planted $place && touch $place/planted
done
install -d "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" /home/agent/chroot/proc
mount -t proc proc "/opt/a chroot/proc"
mount --bind /dev/pts "/opt/a chroot/dev/pts"
mount -t mqueue mqueue "/opt/a chroot/dev/mqueue"
mount -t proc proc /home/agent/chroot/proc
ok seen enter --
grep -vE '^/(opt/a.040chroot|sys/kernel|home/agent/chroot)[^ ]* tmpfs$' $e2e/out >/opt/seen
cmp -s /opt/seen /opt/expected || fail "other mounts than those of the list (>):
$(diff /opt/expected /opt/seen)"
ok enter -- find "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" chroot/proc /sys/kernel/security /sys/kernel/debug -mindepth 1
silent
umount "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" /home/agent/chroot/proc
for place in /sys/kernel/security /sys/kernel/debug; do
	[ ! -e $place/planted ] || umount $place
done
rm -rf "/opt/a chroot" /home/agent/chroot /opt/expected /opt/seen
