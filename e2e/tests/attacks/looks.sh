#!/bin/sh
# After a run that has changed anything in a writable share somebody looks at it. Nobody does after one that has changed nothing there.
. /opt/e2e/tests/attacks/common
# disk FOLDER OPTIONS… mounts a new disk at a folder, and gives it to alice.
disk() {
	place=$1
	shift
	[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
	for n in 0 1 2 3 4 5 6 7; do [ -e /dev/loop$n ] || mknod /dev/loop$n b 7 $n; done
	truncate -s 16M /run/image
	ok env PATH=/usr/sbin:/sbin:/usr/bin:/bin mkfs.ext4 -q -N 8192 "$@" /run/image
	mkdir -p "$place"
	ok mount -o loop /run/image "$place"
	rmdir "$place/lost+found"
	chown alice: "$place"
	rm /run/image
}
case $(stat -f -c %T $share) in
ext2/ext3 | xfs | btrfs) ;;
*) # whose times nobody trusts
	disk /home/alice/disk
	share=/home/alice/disk/attacked
	;;
esac
mkdir -p $share/a/b /run/e2e/mounted
echo one >$share/a/b/file
chown -R alice: $share/a
looked=/home/alice/looked
seen=
rm -f $looked

# looks COMMAND… and trusts COMMAND… say that somebody looks after a run of COMMAND, or that nobody does.
run() {
	sleep 0.1 # the clock of files has ticks
	e2e_run human env AU_AFTER_IF=changed ${seen:+"AU_AFTER_SEEN=$seen"} AU_AFTER_1=/usr/bin/touch AU_AFTER_2=$looked $E agent ${shared:---same-rw} $share attacked -- "$@"
}
looks() {
	run "$@"
	[ -e $looked ] || fail "nobody looked"
	rm $looked
}
trusts() {
	run "$@"
	[ ! -e $looked ] || fail "somebody looked, though nothing has changed"
}
file=/home/agent/attacked/a/b/file
trusts true
trusts sh -c "cat $file; ls -lR $share; exit 3"
trusts sh -c 'echo x >/tmp/x; echo x >~/x'
rm /home/agent/x

promise="a file that is written in place, and has its old time again, is looked at"
looks sh -c "touch -r $file /tmp/old; echo two >$file; touch -r /tmp/old $file"
trusts true
promise="so is one that is written by memory, and one that another replaces"
looks python3 -c "import mmap; f = open('$file', 'r+b'); mmap.mmap(f.fileno(), 4)[0:1] = b'X'"
looks sh -c "cp -p $file /tmp/new; cat /tmp/new >$file.new; mv $file.new $file"
promise="so are a new name, one that is gone, a mode and an attribute"
looks touch $share/a/b/.envrc
looks rm $share/a/b/.envrc
looks ln $file $file.link
looks rm $file.link
looks chmod u+x $file
looks mkdir $share/a/b/c
looks python3 -c "import os; os.setxattr('$file', 'user.x', b'x')"
looks sh -c "chmod 700 $share/a/b/c; chmod 755 $share/a/b/c"
looks touch $share
trusts true

promise="so it is what changed after the last look, also before the run, and a share that nobody has looked at"
seen=/home/alice/seen
looks true
human touch -d '-1 hour' $seen
looks true
sleep 2.1
human touch $seen
trusts true
rm $seen
seen=

promise="so it is where a look without a program cannot tell"
looks sh -c 'exit 126'
looks /nonexistent/program
looks sh -c 'kill -KILL $$'
human ln -s a $share/link
looks true
human rm $share/link
human mkfifo $share/pipe
looks true
human rm $share/pipe
human mkdir -m 0 $share/closed
looks true
human rmdir $share/closed
deep=$share
for name in $(seq 24); do deep=$deep/$name; done
human mkdir -p $deep
looks true
rm -r ${share:?}/1
human mkdir $share/many
human sh -c "cd $share/many && touch \$(seq 4000)"
looks true
rm -r ${share:?}/many
trusts true

promise="so it is where something is mounted in the share, or was mounted anywhere meanwhile"
mkdir $share/mounted
mount -t tmpfs tmpfs $share/mounted
looks true
umount $share/mounted
rmdir $share/mounted
trusts true
# meanwhile COMMAND… runs it, as root, during a run that changes nothing.
meanwhile() {
	human env AU_AFTER_IF=changed AU_AFTER_1=/usr/bin/touch AU_AFTER_2=$looked $E agent --same-rw $share attacked -- sleep 1 &
	soon pgrep -u agent -x sleep
	"$@"
	wait
	[ -e $looked ] || fail "nobody looked"
	rm $looked
}
meanwhile mount -t tmpfs tmpfs /run/e2e/mounted
meanwhile umount /run/e2e/mounted
promise="so it is where the share is not there any more"
meanwhile mv $share $share.away
mv $share.away $share

promise="so is a file in memory, which can be written by a mapping and keep its times"
mount -t tmpfs -o "mode=700,uid=$(id -u alice),gid=$(id -g alice)" tmpfs $share
human sh -c "echo one >$share/file"
looks python3 -c "import mmap; f = open('/home/agent/attacked/file', 'r+b'); m = mmap.mmap(f.fileno(), 4); m[0]; m[0:1] = b'X'"
human grep -qx Xne $share/file || fail "it was not written"
umount $share

promise="so is a file in an overlay, which may lie in memory"
mkdir /run/e2e/over
mount -t tmpfs tmpfs /run/e2e/over
mkdir /run/e2e/over/lower /run/e2e/over/upper /run/e2e/over/work
chown alice: /run/e2e/over/upper
chmod 700 /run/e2e/over/upper
mount -t overlay -o lowerdir=/run/e2e/over/lower,upperdir=/run/e2e/over/upper,workdir=/run/e2e/over/work overlay $share
human sh -c "echo one >$share/file && setfacl -R -m u:agent:rwX $share"
shared=--acl-same-rw
looks python3 -c "import mmap; f = open('/home/agent/attacked/file', 'r+b'); m = mmap.mmap(f.fileno(), 4); m[0]; m[0:1] = b'X'"
shared=
human grep -qx Xne $share/file || fail "it was not written"
umount $share /run/e2e/over

promise="nothing changes a file, or the names in a folder, and leaves its times"
tries requests
says_not got
disk $share
human sh -c "echo one >$share/file && echo two >$share/other && sync -f $share"
cat >/opt/move_extents.py <<'END'
import fcntl, os, struct, sys
there, here = (os.open(f"/home/agent/attacked/{name}", os.O_RDWR) for name in ("file", "other"))
try:
    fcntl.ioctl(here, 0xC028660F, struct.pack("IIQQQQ", 0, there, 0, 0, 1, 0))
except OSError:
    sys.exit()
os.posix_fadvise(there, 0, 0, os.POSIX_FADV_DONTNEED)
END
trusts python3 /opt/move_extents.py
human grep -qx one $share/file || fail "the file was changed, and nobody looked"
umount $share

promise="so is a file whose times are whole seconds"
disk $share -I 128
human sh -c "echo one >$share/file"
sleep 2.1
trusts true
# It begins in the middle of a second, so that it ends in the same one.
until date +%N | grep -q '^[345]'; do sleep 0.05; done
looks sh -c "echo two >/home/agent/attacked/file"
umount $share
