#!/bin/sh
# A share at the human's own path: only what leads there is seen above it, and it is mounted on nothing but the cover's folder or itself.
. /opt/e2e/tests/attacks/common
rm -rf /home/alice/wt /home/alice/beside /home/agent/hers # what a run before this one left
install -d -o alice -g alice -m 700 /home/alice/beside
install -o alice -m 644 /dev/null /home/alice/beside/secret
ok enter --same-rw $share attacked --dir $share -- sh -c 'pwd; touch made; ls -A /home /home/alice; stat -c "%U %a" /home/alice'
says_exactly "$share
/home:
agent
alice

/home/alice:
attacked
root 755"
ok stat -c %U $share/made
says_exactly alice
fails 1 enter --same-ro $share attacked --dir $share -- touch x
complains 'Read-only file system'
for change in 'touch /home/alice/x' 'mkdir /home/alice/x' 'rmdir /home/alice/attacked' 'mv /home/alice/attacked /home/alice/x' 'chmod 777 /home/alice' 'ln -s / /home/x'; do
	fails 1 enter --same-rw $share attacked -- $change
done

promise="as at its target, what is root's or another's stays closed, and nothing there is set-id or a device"
ok enter --same-rw $share attacked -- sh -c "stat -c %u $share/roots $share/bobs; ! cat $share/bobs 2>/dev/null"
says_exactly '65534
65534'
ok enter --same-rw $share attacked -- awk "\$5 == \"$share\"" /proc/self/mountinfo
says nosuid
says nodev

promise="without that word a share is at its target alone"
fails 2 enter --rw $share attacked -- ls /home/alice

promise="a home outside /home, closed to the agent, has a cover of its own, and nothing else of it is seen"
# elsewhere PATH: a folder at PATH on the file system of the homes, which can be shown under another owner.
elsewhere() {
	mkdir -p /home/.elsewhere$1 $1
	mountpoint -q $1 || mount --bind /home/.elsewhere$1 $1
}
elsewhere /data/people
install -d -o alice -g alice -m 700 /data/people/alice /data/people/alice/open
install -d -o alice -g alice -m 755 /data/people/alice/open/proj
install -o alice -m 644 /dev/null /data/people/alice/secret
ok enter --same-rw /data/people/alice/open/proj proj --dir /data/people/alice/open/proj -- sh -c 'touch made; ls -A /data/people /data/people/alice /data/people/alice/open'
says_exactly '/data/people:
alice

/data/people/alice:
open

/data/people/alice/open:
proj'
ok stat -c %U /data/people/alice/open/proj/made
says_exactly alice
ok enter --same-ro /data/people/alice/open/proj proj --same-ro $share attacked --same-ro /home/alice/beside beside -- ls -A /home/alice
says_exactly 'attacked
beside'
ok enter --same-ro $share attacked --same-ro /data/people/alice/open/proj proj -- ls -A /data/people/alice/open
says_exactly proj

promise="a folder that stands where the human's is, in what the agent has of its own, is not taken for it"
elsewhere /tmp/proj
chown alice:alice /tmp/proj
ok enter -- mkdir -p /tmp/proj
fails 125 enter --same-rw /tmp/proj proj -- ls
complains 'at its own path is now something else'
ok enter -- rmdir /tmp/proj
fails 125 enter --same-rw /tmp/proj proj -- ls
complains 'at its own path: No such file or directory'

promise="what leads to shares is bounded"
deep=/home/alice/deep
for i in 1 2 3; do
	human sh -c "umask 077; mkdir -p $deep && cd $deep && mkdir -p $i\$(printf '/a%.0s' \$(seq 1800))"
done
way=$(printf '/a%.0s' $(seq 1800))
ok enter --same-ro "$deep/1$way" d1 --same-ro "$deep/2$way" d2 -- true
fails 125 enter --same-ro "$deep/1$way" d1 --same-ro "$deep/2$way" d2 --same-ro "$deep/3$way" d3 -- true
complains 'lead through more than 4096 folders'
rm -rf $deep

promise="one in another is not mounted twice, and each access holds at both places"
human mkdir -p $share/in/deep
ok enter --same-ro $share attacked --same-rw $share/in attacked/in --same-rw $share/in/deep attacked/in/deep -- sh -c "touch $share/in/deep/x $share/in/y; ! touch $share/z 2>/dev/null; cut -d ' ' -f 5 /proc/self/mountinfo | grep -c '^$share'"
says_exactly 2
ok enter --same-ro $share attacked --same-rw $share/in attacked/in --same-ro $share/in/deep attacked/in/deep -- sh -c "! touch $share/in/deep/y 2>/dev/null; ! touch /home/agent/attacked/in/deep/y 2>/dev/null; touch $share/in/z && rm $share/in/z; cut -d ' ' -f 5 /proc/self/mountinfo | grep -c '^$share'"
says_exactly 3
ok enter --same-rw $share/in attacked/in --same-rw $share attacked --same-ro $share/in twice --same-ro $share/in/deep deep -- sh -c "! touch $share/in/y 2>/dev/null; ! touch $share/in/deep/y 2>/dev/null; touch $share/z"
ok enter --same-ro $share/in attacked/in --same-rw $share/in twice --same-ro $share/in/deep deep -- sh -c "touch $share/in/w && rm $share/in/w; ! touch $share/in/deep/y 2>/dev/null"
ok enter --same-rw $share attacked --same-ro $share/in attacked/in -- sh -c "! touch $share/in/z 2>/dev/null; ! touch /home/agent/attacked/in/z 2>/dev/null; touch $share/z"
ok enter --same-rw $share attacked --acl-same-rw $share/in attacked/in -- stat -c %u $share $share/in
says_exactly "$agent
$(id -u alice)"

promise="what is put into a share at its target is not at the share's own path"
ok enter --same-rw $share attacked --ro /home/alice/beside attacked/in -- ls $share/in /home/agent/attacked/in
says_exactly "/home/agent/attacked/in:
secret

$share/in:
deep
y"

promise="another folder of the same file system is not taken for the human's"
install -d -o alice -g alice -m 755 /home/agent/hers
fails 125 enter --same-rw /home/agent/hers elsewhere --same-rw /home/alice/beside hers -- true
complains 'share /home/agent/hers: at its own path is now something else'
ok enter --same-rw /home/agent/hers elsewhere -- true
rm -r /home/agent/hers

promise="what stands in for a worktree is seen in covers alone, and leads to nothing that is there"
ok enter --same-rw $share attacked --worktree /home/alice/wt --worktree /home/alice/beside --worktree $share/x --worktree /etc/x --worktree /home/agent/x --worktree /home/alice/wt/.git/x \
	-- sh -c "ls -A /home/alice /home/alice/wt /home/alice/beside; ls -A $share /home/agent | grep -x x; ls -d /etc/x 2>&1; stat -c '%U %a %s' /home/alice/wt/.git; ! touch /home/alice/wt/x 2>/dev/null"
says_exactly "/home/alice:
attacked
beside
wt

/home/alice/beside:
.git

/home/alice/wt:
.git
ls: cannot access '/etc/x': No such file or directory
root 444 0"
fails 2 ls -d /home/alice/wt /home/alice/beside/.git $share/x /home/agent/x
human mkdir -p /home/alice/beside/wt/.git
ok enter --same-ro /home/alice/beside/wt/.git git --worktree /home/alice/beside/wt -- stat -c %F /home/alice/beside/wt/.git
says_exactly directory
ok enter --same-ro "/home/alice/beside" b --worktree "/home/alice/1$way" --worktree "/home/alice/2$way" --worktree "/home/alice/3$way" -- ls /home/alice
says_exactly '1
2
beside'
fails 125 enter --worktree relative -- true
fails 125 enter --worktree /home/alice/../bob -- true
fails 125 enter --worktree -- true
worktrees=$(for i in $(seq 65); do printf ' --worktree /home/alice/%s' $i; done)
# shellcheck disable=SC2086 # words
fails 125 enter $worktrees -- true
complains 'is given too many times'

promise="a run that begins in a share that cannot be had is refused, at either path"
fails 125 enter --try-same-rw /home/alice/nosuch attacked --dir /home/alice/nosuch -- true
complains 'it is not there any more'
fails 2 enter --try-same-rw /home/alice/nosuch attacked -- ls -A /home/alice

umount /data/people /tmp/proj
rm -rf /home/.elsewhere /home/alice/beside
