#!/bin/sh
# A share that is no longer available is named, and left out of the runs that start elsewhere; a run that starts in it is refused.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y
as alice mkdir -p proj/remote other deep/er read/remote
for folder in proj other deep/er; do ok as alice au mount add --rw $folder; done
ok as alice au mount add read

# A FUSE file system that stays as it is while its server lives: it answers nothing. fuse.py FOLDER dead|silent
cat >/opt/fuse.py <<'END'
import ctypes, os, stat, sys, time
if not os.path.exists("/dev/fuse"):
    os.mknod("/dev/fuse", 0o666 | stat.S_IFCHR, os.makedev(10, 229))
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=1000,group_id=1000,allow_other".encode()
if ctypes.CDLL(None, use_errno=True).mount(b"nowhere", sys.argv[1].encode(), b"fuse", 0, options):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
if sys.argv[2] == "silent":
    time.sleep(1000)
END
fuse() {
	: >/run/fuse # or what the last one said would be taken for it
	python3 /opt/fuse.py "$1" "$2" >/run/fuse 2>&1 &
	server=$!
	soon grep -q mounted /run/fuse
	[ "$2" = silent ] || wait $server
}

# left_out SHARE TEXT: runs elsewhere go without it, by either program, and say so once; a run in it is refused. All is well once it is mended.
left_out() {
	for au in au /usr/local/libexec/au/au-complete; do
		ok as alice timeout 120 sh -c "cd other && $au run sh -c 'pwd; echo x >x'"
		says_exactly /home/alice/other
		complains "au: share /home/alice/$1 is left out of this run: "
		complains "$2"
		[ "$(grep -c 'is left out' $e2e/err)" = 1 ] || fail "one share is left out, and is named once"
		ok as alice timeout 120 $au run ls -A "$1"
		silent_on_out
		if as alice test -x "$1"; then
			fails 125 as alice timeout 120 sh -c "cd $1 && $au run pwd"
			complains "au: share /home/alice/$1: "
			complains "$2"
		fi
		fails 125 as alice timeout 120 $au run -d "/home/agent/$1" pwd
		complains "$2"
	done
}
silent_on_out() { [ ! -s $e2e/out ] || fail "nothing of it should be seen"; }
well() {
	ok as alice au run true
	silent
}
well

promise="something mounted in a share is named, and what helps"
box=/home/box
install -d $box $box/lower $box/upper $box/work
overlay() { mount -t overlay overlay -o lowerdir=$box/lower,upperdir=$box/upper,workdir=$box/work "$1" && chown alice "$1"; }
ok overlay /home/alice/proj/remote
left_out proj "/home/alice/proj/remote, overlay, is mounted in it and cannot be shown under another owner: unmount it, or share the folders beside it"
fails 125 as alice au run --rw proj true
complains '/home/alice/proj/remote'
fails 1 test -e /home/alice/proj/x
umount /home/alice/proj/remote
well

promise="something mounted on a share is named"
ok overlay /home/alice/proj
left_out proj 'overlay, mounted on it, cannot be shown under another owner: unmount it'
umount /home/alice/proj
mount -t tmpfs roots /home/alice/proj
left_out proj "tmpfs is mounted on it: want a folder that you own, and this one is uid 0's"
umount /home/alice/proj
well

promise="so are a FUSE file system whose server has gone, and one whose server does not answer"
for folder in proj/remote proj; do
	fuse /home/alice/$folder dead
	left_out proj fuse
	umount -l /home/alice/$folder
	well
done
for folder in read/remote read; do
	fuse /home/alice/$folder silent
	ok as alice timeout 120 sh -c 'cd other && au run pwd'
	says_exactly /home/alice/other
	complains 'au: share /home/alice/read is left out of this run: '
	complains fuse
	umount -l /home/alice/$folder
	kill $server
	wait $server 2>/dev/null
	well
done

promise="what vanished can be taken off the list"
mv /home/alice/proj /home/alice/gone
left_out proj 'it is not there any more'
complains 'au: share /home/alice/proj: it is not there any more'
ok as alice au run true
complains 'au: hint: au mount remove --agent agent /home/alice/proj'
as alice touch proj
left_out proj 'a file can be shared read-only, and this share is read-write'
as alice sh -c 'rm proj; mkdir -m 700 Private; echo private >Private/file; ln -s Private proj'
for au in au /usr/local/libexec/au/au-complete; do
	ok as alice $au run ls -A proj
	silent_on_out
	complains 'a symbolic link is in its place, or on the way to it'
done
as alice rm proj
mv /home/alice/gone /home/alice/proj
well

promise="what is the human's no longer, or closed to the human, is not shown"
chown bob /home/alice/proj
left_out proj "want a folder that you own, and this one is uid $(id -u bob)'s"
chown alice /home/alice/proj
as alice chmod 000 deep
left_out deep/er 'Permission denied'
as alice chmod 700 deep
well

promise="a place in the agent's home that is taken costs that share alone"
rmdir /home/agent/proj
for taken in 'touch proj' 'ln -s /tmp proj' 'mkfifo proj'; do
	runuser -u agent -- sh -c "cd /home/agent && $taken"
	ok as alice sh -c 'cd other && au run pwd'
	complains 'au: share /home/alice/proj is left out of this run: share target proj: '
	fails 125 as alice sh -c 'cd proj && au run pwd'
	complains 'share target proj: '
	rm -f /home/agent/proj
done
well

promise="a writable folder in a read-only share goes alone; what would narrow a share takes that along"
config=/home/alice/.config/agent-as-unix-user.toml
cp $config /run/config
share() { printf '[[agents.mounts]]\nsource = "/home/alice/%s"\ntarget = "/home/agent/%s"\nread_only = %s\n' "$1" "$2" "$3" >>$config; }
as alice sh -c 'mkdir -p outer/inner outer/beside; echo seen >outer/file'
share outer outer true
share outer/inner outer/inner false
as alice rmdir outer/inner
ok as alice au run cat outer/file
says_exactly seen
complains 'au: share /home/alice/outer/inner is left out of this run: it is not there any more'
cp /run/config $config
share outer outer false
share outer/inner outer/inner true
ok as alice au run ls -A outer
silent_on_out
complains 'au: share /home/alice/outer/inner is left out of this run: it is not there any more'
complains 'au: share /home/alice/outer is left out of this run: it would show more than it should without /home/alice/outer/inner'
fails 125 as alice sh -c 'cd outer && au run true'
complains 'it would show more than it should'
as alice mkdir outer/inner
ok as alice au run sh -c 'echo x >outer/x && ! touch outer/inner/x 2>/dev/null'
cp /run/config $config

promise="the agent cannot have more by moving or spoiling what narrows a share"
as alice mkdir -p outer/above/inner
share outer outer false
share outer/above/inner outer/above/inner true
ok as alice au run mv outer/above outer/away
fails 1 as alice au run touch outer/away/inner/x
complains 'au: share /home/alice/outer is left out of this run: it would show more than it should without /home/alice/outer/above/inner'
fails 1 test -e /home/alice/outer/away/inner/x
mv /home/alice/outer/away /home/alice/outer/above
mkdir /home/alice/over
chown alice /home/alice/over
cp /run/config $config
share outer outer false
share over outer/above/deeper true # covers what is in the first
ok as alice au run mv outer/above outer/away
ok as alice touch outer/above
fails 2 as alice au run ls outer/away
complains 'share target outer/above/deeper: above: Not a directory'
complains 'au: share /home/alice/outer is left out of this run'
cp /run/config $config
well
