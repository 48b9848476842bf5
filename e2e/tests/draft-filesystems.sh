#!/bin/sh
# A draft works where the folder and what is written lie on ext4, xfs, btrfs or tmpfs, or on two of them; elsewhere it is refused by name.
# flavour: disks
# machines: none
# machines by hand: trixie bookworm true true-bookworm
# timeout: 3600
. /opt/e2e/lib.sh
ok sh -c 'groupadd project && usermod --append --groups project alice'
ok as alice au new -y
E=/usr/local/libexec/au/agent/su_as_agent
mknod /dev/loop-control c 10 237 2>/dev/null
for n in 0 1 2 3 4 5 6 7; do mknod /dev/loop$n b 7 $n 2>/dev/null; done
human() { setpriv --reuid=alice --regid=alice --init-groups -- "$@"; }
has() { modprobe "$1" 2>/dev/null; grep -qw "$1" /proc/filesystems || { echo "not tried: $1, which this kernel has not"; return 1; }; }

# place NAME TYPE MEGABYTES OPTIONS MKFS… makes a file system and mounts it at /mnt/NAME; 1 where the kernel has none of the kind.
place() {
	name=$1 type=$2 size=$3 options=$4
	shift 4
	has "$type" || return 1
	mkdir -p /mnt/$name
	rm -f /home/image.$name
	truncate -s "${size}M" /home/image.$name
	ok env PATH=/usr/sbin:/sbin:/usr/bin:/bin "$@" /home/image.$name
	ok mount -t "$type" -o "loop$options" /home/image.$name /mnt/$name
	chown alice: /mnt/$name 2>/dev/null
	places="$places $name"
}

# fill LOWER STATE makes a folder to draft, and a state for it.
fill() {
	human sh -c "set -e; umask 077; mkdir -p $1/old/deep $1/gone $2/upper $2/work; touch $2/lock
		echo one >$1/old/deep/file; echo two >$1/kept; echo three >$1/gone/file; ln $1/kept $1/twin; head -c 3000000 /dev/urandom >$1/big"
}
seen() { (cd "$1" && find . -printf '%p %y %m %U %i %s %T@ %C@\n' | sort; cd "$1" && find . -type f -exec sha256sum {} + | sort); }

# works LOWER STATE: what a draft promises, in the view, in the folder and in what lies in the state.
works() {
	promise="a draft of a folder on $1, written to $2"
	lower=/mnt/$1/lower state=/mnt/$2/state.$1
	rm -rf $lower $state
	fill $lower $state
	sync
	seen $lower >/run/before
	ok human $E agent --same-draft $lower drafted $state --dir $lower -- sh -ec '
		echo more >>kept; mv old new; cat new/deep/file; rm -r gone; mkdir gone; echo x >gone/y; ln -s kept link; mkfifo pipe
		printf x | dd of=big bs=1 seek=2999999 conv=notrunc 2>/dev/null; chmod 711 new/deep; cp --sparse=always big big2; cmp big big2; cat twin'
	says_exactly 'one
two'
	seen $lower >/run/after
	ok cmp /run/before /run/after
	ok find $state/upper ! -user alice
	silent
	ok human $E agent --draft $lower drafted $state -- sh -c 'cd drafted; ls -A . gone; cat kept new/deep/file; cmp big big2'
	says_exactly '.:
big
big2
gone
kept
link
new
pipe
twin

gone:
y
two
more
one'
	ok human sh -c "printf 'new\\0gone\\0' | $E agent --draft-marks $state | tr '\\0' '|'"
	says 'new|redirect|6f6c64|'
	says 'gone|opaque|79|'
	human mkdir $state/hide
	human mknod $state/hide/kept c 0 0
	ok human $E agent --hiding-ro $lower drafted $state -- sh -c 'cd drafted; ls; ! cat kept 2>/dev/null'
	says_not kept
	rm -r $lower $state
	echo "$1 below, $2 above: works"
}

text() { (cd "$1" && find . \( -type d -printf '%p d %m %U %G\n' \) -o -printf '%p %y %m %U %G %s %l\n' | sort; cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }

is_as() { text $lower >/run/now; ok cmp /run/$1 /run/now; }

# kept LOWER STATE: what the human's commands do with a draft.
kept() {
	promise="a draft of a folder on $1, written to $2, is kept, taken back, kept again, and another thrown away"
	lower=/mnt/$1/lower
	fill $lower /mnt/$2/unused
	human mkdir -p -m 700 /mnt/$2/home /home/alice/.local/state/au
	ok mount --bind /mnt/$2/home /home/alice/.local/state/au
	chgrp project $lower/kept $lower/old $lower/gone
	in_it() { as alice sh -c "cd $lower && \"\$@\"" sh "$@"; }
	text $lower >/run/before
	ok in_it au run --draft . sh -ec 'echo more >>kept; mv old new; rm -r gone; mkdir gone; echo x >gone/y; ln -s kept link; mkfifo pipe; chmod 711 new/deep
		printf x | dd of=big bs=1 seek=2999999 conv=notrunc 2>/dev/null; truncate -s 40M holes; printf x >>holes; ln holes again; cp big big2; chmod 500 new'
	is_as before
	ok in_it au draft keep -y
	text $lower >/run/kept
	ok in_it sh -c 'cat kept twin new/deep/file gone/y; ls; stat -c %a new new/deep; stat -c %G kept new; cmp big big2; test holes -ef again; [ $(du -k holes | cut -f1) -lt 4000 ]'
	says_exactly 'two
more
two
one
x
again
big
big2
gone
holes
kept
link
new
pipe
twin
500
711
project
project'
	ok in_it au draft undo -y
	is_as before
	ok in_it au draft keep -y
	is_as kept
	ok in_it au run --draft . sh -c 'chmod 700 new; rm -rf new twin big'
	ok in_it au draft drop -y
	is_as kept
	ok umount /home/alice/.local/state/au
	human chmod 700 $lower/new
	rm -r $lower /mnt/$2/home /mnt/$2/unused
	echo "$1 below, $2 above: kept"
}

# refused LOWER STATE WHERE TYPE
refused() {
	promise="a draft of a folder on $1, written to $2"
	lower=/mnt/$1/lower state=/mnt/$2/state.$1
	fill $lower $state 2>/dev/null
	human sh -c "chmod 700 $state" 2>/dev/null
	fails 125 human $E agent --draft $lower drafted $state -- true
	complains "$3"
	rm -rf $lower $state
	echo "$1 below, $2 above: refused, $3"
}

places=
place ext4 ext4 64 '' mkfs.ext4 -q
place xfs xfs 320 '' mkfs.xfs -q
place btrfs btrfs 160 '' mkfs.btrfs -q
mkdir -p /mnt/tmpfs
ok mount -t tmpfs -o mode=700,uid=alice,gid=alice tmpfs /mnt/tmpfs
if since 6.3; then
	places="$places tmpfs"
else
	refused tmpfs ext4 'no draft can be made with /mnt/tmpfs/lower: its file system, tmpfs, cannot be shown under another owner'
	refused ext4 tmpfs 'no draft can be made with /mnt/tmpfs/state.ext4: its file system, tmpfs, cannot be shown under another owner'
fi
for one in $places; do
	for other in $places; do
		works $one $other
		kept $one $other
	done
done
if case "$places" in *btrfs*) : ;; *) false ;; esac; then
	# As Fedora and openSUSE mount / and /home. No file can be renamed from one to the other.
	ok btrfs -q subvolume create /mnt/btrfs/at-home
	mkdir /mnt/subvolume
	ok mount -t btrfs -o subvol=at-home "$(findmnt -no SOURCE /mnt/btrfs)" /mnt/subvolume
	chown alice: /mnt/subvolume
	for pair in 'btrfs subvolume' 'subvolume btrfs' 'subvolume subvolume'; do
		# shellcheck disable=SC2086 # two words
		works $pair
		# shellcheck disable=SC2086
		kept $pair
	done
	promise="nothing is kept in a subvolume below the folder, and that is said before anything changes; the subvolume itself can be renamed"
	ok btrfs -q subvolume create /mnt/subvolume/outer
	ok sh -c 'cd /mnt/subvolume/outer; mkdir p; btrfs -q subvolume create p/data; chown -R alice: .'
	lower=/mnt/subvolume/outer/p
	in_p() { as alice sh -c "cd $lower && \"\$@\"" sh "$@"; }
	ok in_p sh -c 'mkdir data/deep; echo one >data/deep/one; echo two >two'
	text $lower >/run/before
	ok in_p au run --draft . sh -c 'echo more >>data/deep/one; echo more >>two'
	fails 1 in_p au draft keep -y
	complains 'data/deep is in a btrfs subvolume of its own: nothing can be kept there, so name the other paths'
	is_as before
	ok in_p au draft keep -y two
	ok in_p cat two data/deep/one
	says_exactly 'two
more
one'
	ok in_p au draft undo -y
	is_as before
	ok in_p au draft drop -y
	ok in_p au run --draft . mv data moved
	ok in_p au draft keep -y
	ok in_p cat moved/deep/one
	ok in_p au draft undo -y
	is_as before
	ok in_p au draft drop -y
fi
if place vfat vfat 40 ,uid=alice,gid=alice,umask=077 mkfs.vfat; then
	promise="what has no modes is no place for what is written"
	refused ext4 vfat 'au: share /mnt/ext4/lower:'
fi
if has overlay; then
	mkdir -p /mnt/ext4/box/lower /mnt/ext4/box/upper /mnt/ext4/box/work /mnt/overlay
	mount -t overlay overlay -o lowerdir=/mnt/ext4/box/lower,upperdir=/mnt/ext4/box/upper,workdir=/mnt/ext4/box/work /mnt/overlay
	chown alice: /mnt/overlay
	refused overlay ext4 'no draft can be made with /mnt/overlay/lower: its file system, overlay, cannot be shown under another owner'
	refused ext4 overlay 'no draft can be made with /mnt/overlay/state.ext4: its file system, overlay, cannot be shown under another owner'
fi
if has fuse && command -v bindfs >/dev/null; then
	mkdir -p /mnt/ext4/fuse /mnt/fuse
	chown alice: /mnt/ext4/fuse /mnt/fuse
	mknod /dev/fuse c 10 229 2>/dev/null
	chmod 666 /dev/fuse
	echo user_allow_other >>/etc/fuse.conf
	if human bindfs /mnt/ext4/fuse /mnt/fuse; then
		refused fuse ext4 'cannot be shown under another owner'
		refused ext4 fuse 'cannot be shown under another owner'
		umount /mnt/fuse
	fi
fi
