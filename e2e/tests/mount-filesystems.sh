#!/bin/sh
# Every file system is shown under another owner, or refused by name with the line that shares it through ACLs.
# flavour: disks
# machines: none
# machines by hand: trixie true
# timeout: 1800
. /opt/e2e/lib.sh
ok as alice au new -y
E=/usr/local/libexec/au/agent/su_as_agent
as alice mkdir disk
m=/home/alice/disk
mknod /dev/loop-control c 10 237 2>/dev/null
for n in 0 1 2 3 4 5 6 7; do mknod /dev/loop$n b 7 $n 2>/dev/null; done

has() { modprobe "$1" 2>/dev/null; grep -qw "$1" /proc/filesystems || { echo "not tried: $1, which this kernel has not"; return 1; }; }

# on TYPE MEGABYTES OPTIONS MKFS… makes a file system in a file and mounts it; 1 where the kernel has none of the kind.
on() {
	type=$1 size=$2 options=$3
	shift 3
	has "$type" || return 1
	promise="$type"
	rm -f /home/image
	truncate -s "${size}M" /home/image
	ok env PATH=/usr/sbin:/sbin:/usr/bin:/bin "$@" /home/image
	ok mount -t "$type" -o "loop$options" /home/image $m
	chown alice: $m 2>/dev/null
}

# shown: the agent works in it as the human does; nothing of it is the agent's on the disk, and what is another's stays closed.
shown() {
	as alice sh -c "umask 077; echo hers >$m/hers"
	install -o bob -m 600 /dev/null $m/bobs 2>/dev/null && owners=yes || owners=
	ok as alice au mount add --rw disk
	ok as alice au run sh -c 'cd disk && cat hers && echo x >new && mkdir -p d/e && mv new d/e/f && chmod 700 d/e && echo y >>hers && stat -c %U hers d/e/f'
	says_exactly "hers
agent
agent"
	ok as alice sh -c "cat $m/d/e/f && echo z >>$m/d/e/f && rm -r $m/d"
	fails 1 as alice au run sh -c 'cp /bin/true disk/t && chmod u+s disk/t'
	ok find $m ! -user alice ! -name bobs ! -name lost+found
	silent
	if [ -n "$owners" ]; then
		fails 1 as alice au run cat disk/bobs
		ok as alice au run stat -c %u disk/bobs
		says_exactly 65534
	fi
	ok as alice au mount remove disk
	ok as alice au mount add disk
	fails 1 as alice au run touch disk/x
	ok as alice au mount remove disk
	echo "$promise: shown under another owner"
}

# refused [NAME]: au and the entrypoint both say why; the kernel is asked too, so that the day it can is seen.
refused() {
	fails 1 as alice au mount add --rw disk
	complains "its file system, $promise, cannot be shown under another owner"
	complains 'au: hint: au mount add --agent agent --rw --acl /home/alice/disk'
	fails 125 as alice au run --rw disk true
	complains "$promise, cannot be shown"
	fails 125 setpriv --reuid=alice --regid=alice --init-groups $E agent --rw $m disk -- true
	complains "share $m: ${1-$promise} (or one mounted below it) cannot be id-mapped"
	echo "$promise: refused by name"
}

by_acl() {
	as alice sh -c "umask 077; echo hers >$m/hers"
	ok as alice au mount add --rw --acl disk
	ok as alice au run sh -c 'cat disk/hers && echo x >disk/agents && echo y >>disk/hers'
	ok as alice sh -c "echo z >>$m/agents"
	ok as alice au mount remove disk
	ok find $m -user agent
	silent
	ok stat -c '%U %a' $m/hers
	says_exactly 'alice 600'
	fails 125 as alice au run --rw disk/nosuch true
	echo "$promise: shared through ACLs, and taken back"
}

not_by_acl() {
	fails 1 as alice au mount add --rw --acl disk
	complains "$1"
	ok as alice au mount list
	says_exactly 'Nothing is shared with agent agent.'
	echo "$promise: not through ACLs either, and it is said why"
}

# unsure_by_acl: the kernel asks the program behind it, and this one lets the agent in by mode alone.
unsure_by_acl() {
	as alice sh -c "umask 077; echo hers >$m/hers"
	ok as alice au mount add --rw --acl disk
	complains 'au: warning: its file system, fuse, is a program'
	fails 1 as alice au run cat disk/hers
	complains 'Permission denied'
	ok as alice chmod o+r disk/hers
	ok as alice au run cat disk/hers
	ok as alice au mount remove disk
	as alice rm disk/hers
	echo "$promise: through ACLs, with a warning"
}

off() { umount $m; }

on ext4 32 '' mkfs.ext4 -q && { shown; by_acl; off; }
on xfs 320 '' mkfs.xfs -q && { shown; by_acl; off; }
if on btrfs 128 '' mkfs.btrfs -q; then
	shown
	by_acl
	promise="a subvolume in a share on btrfs is the human's as the rest is"
	ok btrfs -q subvolume create $m/sub
	chown alice: $m/sub
	ok as alice au mount add --rw disk
	ok as alice au run sh -c 'echo x >disk/sub/x && stat -c %U disk/sub/x'
	says_exactly agent
	ok stat -c %U $m/sub/x
	says_exactly alice
	ok as alice au mount remove disk
	off
fi
mount -t tmpfs -o mode=700,uid=alice,gid=alice tmpfs $m
promise=tmpfs
shown
by_acl
off
# Without owners of its own: all of it is whose the mount says.
on vfat 32 ,uid=alice,gid=alice,umask=077 mkfs.vfat && { shown; not_by_acl 'has no ACLs'; off; }
if on exfat 32 ,uid=alice,gid=alice,umask=077 mkfs.exfat; then
	if setpriv --reuid=alice --regid=alice --init-groups $E agent --rw $m disk -- true 2>/dev/null; then shown; else refused exFAT; fi
	not_by_acl 'has no ACLs'
	off
fi
on ext2 32 '' mkfs.ext2 -q && { refused ext4; by_acl; off; }
if has overlay; then
	as alice mkdir -p box/lower box/upper box/work
	mount -t overlay overlay -o lowerdir=/home/alice/box/lower,upperdir=/home/alice/box/upper,workdir=/home/alice/box/work $m
	chown alice: $m
	promise=overlay
	refused overlayfs
	by_acl
	off
fi
if has fuse; then
	as alice mkdir -p real
	[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
	promise=fuse
	ok bindfs /home/alice/real $m
	refused 'a FUSE file system'
	unsure_by_acl
	off
	promise="fuse without allow_other"
	echo user_allow_other >/etc/fuse.conf
	ok as alice bindfs --no-allow-other real disk
	fails 1 as alice au mount add --rw disk
	complains 'its file system, fuse, cannot be shown under another owner'
	not_by_acl 'its file system, fuse, lets in nobody but who mounted it: mount it with the option allow_other'
	ok as alice fusermount3 -u disk
	promise="fuse with allow_other, mounted by the human"
	ok as alice bindfs real disk
	unsure_by_acl
	ok as alice fusermount3 -u disk
fi
for other in 9p nfs; do
	echo "not tried: $other, which needs a server outside of the machine"
done
