#!/bin/sh
# In a draft the agent writes as it likes, and nothing of it reaches the folder; its layers are the human's alone.
# shellcheck disable=SC2086,SC2046 # words
. /opt/e2e/tests/attacks/common
state=/home/alice/.local/state/au/drafts/agent-1
rm -rf ${state%/drafts*} /home/alice/other
new_state() {
	human mkdir -p $state
	rm -rf ${state:?}/*
	human mkdir -m 700 $state/upper $state/work
	human touch $state/lock
	human chmod 700 $state
}
new_state
D="--draft $share attacked $state"
S="--same-draft $share attacked $state"
seen() { (cd $share && find . -printf '%p %y %m %U %i %s %C@\n' | sort) >/run/e2e/draft.$1; }
human sh -c "mkdir -p $share/old/deep && echo one >$share/old/deep/file && echo keep >$share/kept && ln $share/kept $share/twin"
# The kernel may write its cache of a folder's times late.
sync
seen before

ok enter $S --dir $share -- sh -c 'echo more >>kept; rm -rf old; mkdir old; mv hers theirs; ln -s / away; mkfifo pipe; chmod 700 .; cat kept; ls -A; stat -c "%U" . kept theirs old'
says_exactly 'keep
more
away
bobs
kept
old
pipe
roots
theirs
twin
agent
agent
agent
agent'
seen after
ok cmp /run/e2e/draft.before /run/e2e/draft.after
ok find $state/upper -not -user alice
silent
ok enter $D --dir /home/agent/attacked -- cat kept
says_exactly 'keep
more'

promise="what is root's or another's stays closed, nothing is set-id or a device, and the layers are nowhere to be seen"
fails 1 enter $D --dir /home/agent/attacked -- cat roots
fails 1 enter $D --dir /home/agent/attacked -- cp kept bobs
ok enter $S -- grep -c ' /home/alice/attacked .*nosuid,nodev.* overlay \| /home/agent/attacked .*nosuid,nodev.* overlay ' /proc/self/mountinfo
says_exactly 2
ok enter $S -- cat /proc/self/mountinfo
says_not .local
says_not /run/user/upper
ok enter $S -- sh -c 'ls -A /home/alice; ls /run/user; ls -l /proc/self/fd | grep -c "upper\|drafts"; ls -l /proc/1/fd 2>&1 | grep -c lock; true'
says_exactly "attacked
$agent
0
0"
fails 1 enter $D --dir /home/agent/attacked -- setfattr -n trusted.overlay.opaque -v y old
ok enter $D --dir /home/agent/attacked -- sh -c '! unshare -rm true 2>/dev/null; ! mknod x c 0 0 2>/dev/null'
human sh -c "cp /bin/true $share/hers; chmod 6755 $share/hers"
new_state
ok enter $S --dir $share -- sh -c 'echo >>hers; mv hers theirs'
ok find $state/upper -perm /6000
silent
# A file that has capabilities cannot be written to where they would be kept.
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 $share/hers
new_state
fails 1 enter $S --dir $share -- dd if=/dev/null of=hers
ok find $state/upper -type f
silent
setfattr -x security.capability $share/hers

promise="what the agent writes is bounded as what the human writes is: the overlay has none of root's powers but those over files"
mkdir -p /mnt/small
mknod /dev/loop-control c 10 237 2>/dev/null
for n in 0 1 2 3 4 5 6 7; do mknod /dev/loop$n b 7 $n 2>/dev/null; done
truncate -s 16M /home/small
# Half of it is kept for root.
ok env PATH=/usr/sbin:/sbin:/usr/bin:/bin mkfs.ext4 -q -O ^has_journal -m 50 /home/small
ok mount -o loop /home/small /mnt/small
chown alice /mnt/small
chmod 700 /mnt/small
human mkdir /mnt/small/upper /mnt/small/work
human touch /mnt/small/lock
ok enter --draft $share attacked /mnt/small -- dd if=/dev/zero of=attacked/big bs=1M count=4
fails 1 enter --draft $share attacked /mnt/small -- dd if=/dev/zero of=attacked/big bs=1M count=10
complains 'No space left on device'
umount /mnt/small
rm /home/small

promise="a folder that was mounted noexec stays so"
# Of the disk of the homes: before Linux 6.3 no tmpfs can be shown under another owner.
mkdir -p /mnt/noexec
install -d -o alice -m 700 /home/.noexec
mount --bind /home/.noexec /mnt/noexec
mount -o remount,bind,noexec /mnt/noexec
ok human install -m 755 /bin/true /mnt/noexec/true
ok enter --draft /mnt/noexec attacked $state -- cat attacked/true
fails 126 enter --draft /mnt/noexec attacked $state -- /home/agent/attacked/true
umount /mnt/noexec
rm -r /home/.noexec

promise="a state that is not the human's alone is not a draft"
new_state
chmod 750 $state
fails 125 enter $D -- true
complains 'want a folder that is closed to others'
chmod 700 $state
chown bob $state
# It does not say either whether the draft is in use, which root would know.
fails 125 flock $state/lock setpriv --reuid=alice --regid=alice --init-groups -- $E agent $D -- true
complains 'Permission denied'
chown alice $state
ln -s agent-1 ${state%1}2
fails 125 enter --draft $share attacked ${state%1}2 -- true
complains 'reached through a symbolic link'
rm ${state%1}2
fails 125 enter --draft $share attacked $share -- true
complains 'are one in the other'
human mkdir -m 700 $share/inside $share/inside/upper $share/inside/work
human touch $share/inside/lock
fails 125 enter --draft $share attacked $share/inside -- true
complains 'are one in the other'
rm -r $share/inside
fails 125 enter $D --rw $state/upper around -- true
complains 'are one in the other'
rm $state/lock
fails 125 enter $D -- true
complains 'the lock of its draft: No such file'
fails 125 enter $D $D -- true

promise="the layers are in the state: no link of the human's leads root to another place"
mkdir -p /srv/roots/upper /srv/roots/work/work/precious
chmod 777 /srv/roots/upper
for name in upper work; do
	new_state
	rmdir $state/$name
	human ln -s /srv/roots/$name $state/$name
	fails 125 enter $D -- touch attacked/planted
	complains "$name: reached through a symbolic link"
done
rmdir $state/upper
human ln -s /srv/roots/upper $state/upper
fails 125 enter $D -- touch attacked/planted
[ -d /srv/roots/work/work/precious ] || fail "root has thrown away what is root's, by a link of the human's"
[ ! -e /srv/roots/upper/planted ] || fail "a draft went where a link led"
rm -r /srv/roots

promise="a second run on a draft is refused for as long as anything of the first lives, whoever is killed"
new_state
# A process that has much memory does not end at once.
slow='x = b"x" * (400 << 20); open("ready", "w"); import time; time.sleep(1000)'
for victim in waiter first; do
	rm -f $state/upper/ready
	start $S --dir $share -- sh -c "python3 -c '$slow' & exec sleep 1000"
	soon test -e $state/upper/ready
	fails 125 enter $D -- true
	complains 'its draft is in use'
	first=$(pgrep -P $waiter)
	kill -STOP $waiter
	fails 125 enter $D -- true
	complains 'its draft is in use'
	kill -CONT $waiter
	eval "kill -KILL \$$victim"
	tries=5000
	# Pid 1 itself, which is the agent by now, may still be ending.
	until flock -n $state/lock sh -c 'pgrep -u agent -x "python3|sleep" >/run/e2e/left; true'; do
		[ $((tries -= 1)) -gt 0 ] || fail "the draft is not free again ($victim)"
	done
	[ ! -s /run/e2e/left ] || fail "the draft is free, and the agent is still in it ($victim)"
	wait $waiter 2>/dev/null
	soon enter $D -- true
done
ok env AU_AFTER_1=/usr/bin/flock AU_AFTER_2=-n AU_AFTER_3=$state/lock AU_AFTER_4=touch AU_AFTER_5=$state/after setpriv --reuid=alice --regid=alice --init-groups -- $E agent $D -- true
[ -e $state/after ] || fail "what is done after a run could not have its draft"

promise="a draft stays closed to runs and to au draft for as long as anybody has something of an earlier run of it open"
new_state
human sh -c "echo old >$state/upper/file"
asked() { human bash -o pipefail -c "printf '\\0' | $E agent --draft-marks $state | cat"; }
for what in ". read" "file read" "file map" "file unread"; do
	set -- $what
	rm -f /home/agent/keeper /home/agent/listening /home/agent/kept /home/agent/enough
	start -- python3 $here/keeper.py keep $2
	keeper=$waiter
	soon test -e /home/agent/listening
	ok enter $S --dir $share -- python3 $here/keeper.py give $1 $2
	fails 125 enter $D -- true
	complains 'is still open: an earlier run of it passed a file to another run'
	fails 1 asked
	ok enter -- touch /home/agent/enough
	wait $keeper 2>/dev/null
	ok asked
	ok enter $D -- true
done

promise="hidden names are absent, whether they are there or not, and what the agent makes in their place goes to the draft"
new_state
H="--same-hiding-draft $share attacked $state"
fails 125 enter $H -- true
complains 'hide: No such file'
human sh -c "mkdir -m 700 $state/hide && mknod $state/hide/hers c 0 0 && mknod $state/hide/never c 0 0 && ln -s /etc $state/link"
ok enter $H --dir $share -- sh -c 'ls -A; ! cat hers 2>/dev/null; echo mine >never; mv old new; ls -A new'
says_exactly 'bobs
kept
old
roots
twin
deep'
ok cat $state/upper/never
says_exactly mine
[ ! -e $share/never ] || fail "what was made in a draft is in the folder"
ok enter --same-hiding-ro $share attacked $state --dir $share -- sh -c 'ls -A; ! cat hers 2>/dev/null; ! touch never 2>/dev/null; ! mv kept new 2>/dev/null'
says_exactly 'bobs
kept
old
roots
twin'
ok enter --same-hiding-ro $share attacked $state -- grep -c ' /home/alice/attacked ro,nosuid,nodev.* overlay ' /proc/self/mountinfo
rm -r $state/hide
human ln -s upper $state/hide
fails 125 enter $H -- true
complains 'hide: reached through a symbolic link'

promise="what narrows a draft is not lost, what a draft narrows is not either, and a share in it is no part of it"
new_state
human mkdir -p $share/sub
ok enter $S --same-ro $share/sub attacked/sub --dir $share -- sh -c '! touch sub/x 2>/dev/null; touch y'
ok ls -A $state/upper
says_exactly y
ok enter $S --same-rw $share/sub attacked/sub --dir $share -- touch sub/x
ok ls $share/sub
says_exactly x
new_state
ok enter --same-rw $share attacked --same-draft $share/sub attacked/sub $state -- sh -c 'echo more >/home/alice/attacked/sub/x; echo more >/home/agent/attacked/sub/y'
ok cat $share/sub/x
silent
ok ls -A $state/upper
says_exactly 'x
y'
rm $state/lock
fails 125 enter --rw $share attacked --try-draft $share/sub attacked/sub $state -- touch attacked/sub/lost
complains 'it would show more than it should without'
fails 125 enter --ro $share attacked --try-hiding-ro $share/sub attacked/sub $state -- cat attacked/sub/x
complains 'it would show more than it should without'
ok enter --try-draft $share attacked $state -- ls -A /home/agent/attacked
says_not hers
complains 'is left out of this run: the lock of its draft: No such file'
rm -r $share/sub

promise="where the kernel makes none, or none that can be written to, there is none, and it says why"
new_state
mkdir -p /mnt/over
mount -t tmpfs tmpfs /mnt/over
mkdir /mnt/over/upper /mnt/over/work /mnt/over/lower /mnt/over/all
mount -t overlay -o lowerdir=/mnt/over/lower,upperdir=/mnt/over/upper,workdir=/mnt/over/work overlay /mnt/over/all
mkdir -m 700 /mnt/over/all/folder
chown alice /mnt/over/all/folder
fails 125 enter --draft /mnt/over/all/folder attacked $state -- true
complains 'no draft can be made with /mnt/over/all/folder: its file system, overlay, cannot be shown under another owner'
cp -a $state /mnt/over/all/state
fails 125 enter --draft $share attacked /mnt/over/all/state -- true
complains 'no draft can be made with /mnt/over/all/state: its file system, overlay, cannot be shown under another owner'
umount /mnt/over/all /mnt/over
if since 6.6; then
	mount -t tmpfs -o nr_inodes=5,mode=700,uid=$(id -u alice) tmpfs /mnt/small
	human mkdir /mnt/small/upper /mnt/small/work
	human touch /mnt/small/lock
	human touch /mnt/small/full
	fails 125 enter --draft $share attacked /mnt/small -- true
	complains 'is the disk full?'
	umount /mnt/small
fi

promise="root tells the human the kernel's marks of the human's draft, and of nothing else"
new_state
marks() { human sh -c "printf '$2' | $E agent --draft-marks $1 | tr '\\0' '|'"; }
ok enter $S --dir $share -- sh -c 'mv old moved; rm -f y; mkdir old'
ok marks $state 'moved\0old\0nosuch\0'
says 'moved|redirect|6f6c64|'
says 'old|opaque|79|'
says_not nosuch
human mkdir $state/out
human ln -s ../out $state/upper/link
mkdir $state/upper/roots
for planted in out upper/roots; do
	ok setfattr -n trusted.overlay.redirect -v /etc $state/$planted
done
ok marks $state 'roots\0../out\0link\0/etc\0moved/../../out\0link/.\0\0'
says_not redirect
# The human may open this file, and root alone may write it: how late a process's timers are.
slack=$(cat /proc/self/timerslack_ns)
sleep 1000 &
ok enter $S --dir $share -- sh -c 'mv moved "4000000000
"'
human sh -c "printf '4000000000\n\0' | $E agent --draft-marks $state >/proc/$!/timerslack_ns" 2>/dev/null
ok cat /proc/$!/timerslack_ns
says_exactly "$slack"
kill $!
fails 125 human $E agent --draft-marks $state
complains 'want a pipe as standard output'
# told COMMAND: it is asked what COMMAND prints, and ends as it does.
told() { human bash -o pipefail -c "$1 | $E agent --draft-marks $state | cat"; }
fails 125 told "printf moved"
complains 'want paths that end in a NUL'
fails 125 told "head -c 5000 /dev/zero | tr '\0' a"
complains 'at most 4095 bytes'
chown -R bob $state
fails 125 told true
complains 'Permission denied'
chown -R alice $state
fails 125 setpriv --reuid=bob --regid=bob --init-groups -- $E agent --draft-marks $state
human sh -c "exec sleep 1000 | $E agent --draft-marks $state | cat" &
soon pgrep -x su_as_agent
ok human pkill -KILL -x su_as_agent
pkill -KILL -u alice -x sleep
wait
rm -rf ${state%/drafts*}
