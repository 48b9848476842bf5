#!/bin/sh
# All file systems of the kernel that are mounted in a run, and each node of its /dev, are on a list, with a reason.
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
# Before Linux 6.3 /run is the machine's, with what it mounts there.
unsealed=
since 6.3 || unsealed='/^\/run\/user /b; /^\/run\//d;'
# seen COMMAND…: what it finds mounted, with the names of the list.
seen() { "$@" python3 $here/mounted.py | sed -E "$unsealed"'s,^/sys/fs/cgroup.* (tmpfs|cgroup2?)$,/sys/fs/cgroup CGROUPS,; /^.home.agent /d; /^. overlay$/d' | sort -u; }
sed -i '/^. overlay/d' /opt/expected
# Besides, where the machine has them: cards, and covers over what it mounts below /sys, in which there is nothing.
ok seen enter --
grep -vE '^/dev/(kvm|kfd|dxg|dri|accel|nvidia[^ ]*) devtmpfs$|^/sys/[^ ]* tmpfs$' $e2e/out >/opt/seen
cmp -s /opt/seen /opt/expected || fail "other mounts than those of the list (>):
$(diff /opt/expected /opt/seen)"
sed -n 's,^\(/sys/[^ ]*\) tmpfs$,\1,p' $e2e/out >/opt/covers
while read -r place; do
	ok enter -- find "$place" -mindepth 1
	silent
done </opt/covers

promise="and so it is where the machine has others: in /sys, and in a chroot of somebody's"
for place in /sys/kernel/security /sys/kernel/debug; do
	[ -d $place ] && ! mountpoint -q $place && mount -t tmpfs -o mode=755 planted $place && touch $place/planted
done
install -d "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" /home/agent/chroot/proc
mount -t proc proc "/opt/a chroot/proc"
mount --bind /dev/pts "/opt/a chroot/dev/pts"
mount -t mqueue mqueue "/opt/a chroot/dev/mqueue"
mount -t proc proc /home/agent/chroot/proc
kernels="binfmt_misc devtmpfs sysfs cgroup2 debugfs tracefs securityfs configfs bpf pstore efivarfs fusectl selinuxfs"
for type in $kernels; do
	install -d "/opt/a chroot/$type"
	mount -t "$type" none "/opt/a chroot/$type" 2>/dev/null || rmdir "/opt/a chroot/$type"
done
install -d "/opt/a chroot/whole"
mount --rbind --make-rslave /sys "/opt/a chroot/whole"
install -d "/opt/a chroot/over"
mount -t proc proc "/opt/a chroot/over"
mount -t tmpfs -o mode=755 files "/opt/a chroot/over"
touch "/opt/a chroot/over/file"
ok seen enter --
grep -vE '^/(opt/a.040chroot|sys|home/agent/chroot)/[^ ]* tmpfs$|^/dev/(kvm|kfd|dxg|dri|accel|nvidia[^ ]*) devtmpfs$' $e2e/out >/opt/seen
cmp -s /opt/seen /opt/expected || fail "other mounts than those of the list (>):
$(diff /opt/expected /opt/seen)"
ok enter -- find "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" chroot/proc /sys/kernel/security /sys/kernel/debug -mindepth 1
silent
for type in $kernels whole; do
	[ -d "/opt/a chroot/$type" ] || continue
	ok enter -- find "/opt/a chroot/$type" -mindepth 1
	silent
	umount -R "/opt/a chroot/$type"
done
ok enter -- ls "/opt/a chroot/over"
says_exactly file
umount "/opt/a chroot/over"
umount "/opt/a chroot/over"

promise="a folder that holds such a one is not shared by ACLs: its copy would show what is covered elsewhere"
setfacl -m u:agent:rwx $share
human mkdir -p $share/chroot/proc
ok enter --acl-ro $share attacked -- ls attacked/chroot
says_exactly proc
mount -t proc proc $share/chroot/proc
fails 125 enter --acl-same-ro $share attacked -- find attacked/chroot/proc $share/chroot/proc -mindepth 1
complains "$share/chroot/proc, proc, is mounted in it and is the kernel's own: unmount it, or share the folders beside it"
fails 125 enter --ro $share attacked -- true
complains "$share/chroot/proc, proc, is mounted in it and cannot be shown under another owner"
umount $share/chroot/proc

umount "/opt/a chroot/proc" "/opt/a chroot/dev/pts" "/opt/a chroot/dev/mqueue" /home/agent/chroot/proc
for place in /sys/kernel/security /sys/kernel/debug; do
	[ ! -e $place/planted ] || umount $place
done
rm -rf "/opt/a chroot" /home/agent/chroot /opt/expected /opt/seen /opt/covers
