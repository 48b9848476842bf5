#!/bin/sh
# A shared file is a regular one that the caller owns, reached through no link, and read-only; where it is put, the agent's plants lead nowhere.
. /opt/e2e/tests/attacks/common
enter -- rm -rf f g d2 # of one that was ended
install -d -o alice -g alice -m 700 /home/alice/keep
install -o alice -m 600 /dev/null /home/alice/keep/private
human sh -c "echo private >/home/alice/keep/private; echo shown >$share/f"
ok enter --same-ro $share/f f --dir /home -- sh -c "cat f ~/f $share/f 2>/dev/null; ls -A /home /home/alice $share; stat -c %u $share; cd /home/alice && ! cat attacked/hers keep/private 2>/dev/null"
says_exactly "shown
shown
/home:
agent
alice

/home/alice:
attacked

$share:
f
0"
for change in "tee $share/f" 'tee /home/agent/f' "touch $share/x" "mknod $share/x p" 'tee -a f'; do
	fails 1 enter --same-ro $share/f f -- $change
done
ok enter --same-ro $share/f f -- awk "\$5 == \"$share/f\"" /proc/self/mountinfo
says nosuid
says nodev
fails 125 enter --same-rw $share/f f -- tee $share/f
complains 'a file can be shared read-only'
ok grep -qx shown $share/f

promise="what is not a regular file, and another's or root's, is refused, and nobody waits for it"
human sh -c "mkfifo $share/fifo; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"$share/socket\")'"
mknod $share/device c 1 3 && chown alice $share/device
for special in fifo socket device; do
	fails 125 timeout 20 setpriv --reuid=alice --regid=alice --init-groups -- $E agent --same-ro $share/$special f -- true
	complains 'want a folder or a regular file'
done
for other in bobs roots; do
	fails 125 enter --same-ro $share/$other f -- cat $share/$other
	complains 'want a file that you own'
done
fails 125 enter --ro /etc/shadow f -- cat f
rm $share/fifo $share/socket $share/device

promise="the agent turns a file in a share into a link, or a folder above it; the next run that shares it is refused"
human sh -c "mkdir $share/way && echo shown >$share/way/f"
ok enter --rw $share attacked -- sh -c 'cd attacked/way && rm f && ln -s ../../keep/private f'
fails 125 enter --same-ro $share/way/f f -- cat f
complains 'symbolic link'
ok enter --rw $share attacked -- sh -c 'cd attacked && rm -r way && ln -s ../keep way'
fails 125 enter --same-ro $share/way/private f -- cat f
complains 'symbolic link'
ok enter --rw $share attacked -- sh -c 'rm attacked/way; ! ln /home/alice/keep/private attacked/way 2>/dev/null'

promise="where it is put, nothing that the agent plants leads root anywhere, and what is made is the agent's"
plant() { enter -- sh -c "rm -rf f g; $1"; }
human ln -sf /home/alice/keep/private $share/link
plant 'ln -s /etc/cron.allow f'
fails 125 enter --ro $share/f f -- true
complains 'symbolic link'
[ ! -e /etc/cron.allow ] || fail "root made a file where the agent's link led"
plant 'ln -s /etc/hostname f'
fails 125 enter --ro $share/f f -- cat /etc/hostname
plant 'ln -s /etc g'
fails 125 enter --ro $share/f g/made -- true
[ ! -e /etc/made ] || fail "root made a file where the agent's link led"
for other in mkdir mkfifo; do
	plant "$other f"
	fails 125 timeout 20 setpriv --reuid=alice --regid=alice --init-groups -- $E agent --ro $share/f f -- true
	complains "want a file of the agent's or yours"
done
plant true
ok enter --ro $share/f g/f -- true
ok stat -c '%U %s' /home/agent/g/f
says_exactly 'agent 0'
plant true
install -m 644 /etc/hostname /home/agent/f
fails 125 enter --ro $share/f f -- true
complains "want a file of the agent's or yours"
rm /home/agent/f

promise="no share is put on or in a file, and none of the others on a folder in its place"
human mkdir $share/d
fails 125 enter --ro $share/f f --ro $share/d f/d -- true
fails 125 enter --ro $share/f f --ro $share/d f -- true
fails 125 enter --ro $share/d f --ro $share/f f -- true
plant true
fails 125 enter --same-ro $share/f d2 --ro $share/d d2/x -- true

promise="while the agent swaps file, link, folder and FIFO, each run shows the human's file or is refused"
human mkdir -p $share/swap
start --rw $share/swap swap -- sh -c 'cd ~/swap && while :; do echo shown >x && mv -T x f; ln -s ../../keep/private x && mv -T x f; mkfifo x && mv -T x f; done'
began=0
for _ in $(seq "${ROUNDS:-60}"); do
	timeout 20 setpriv --reuid=alice --regid=alice --init-groups -- "$E" agent --same-ro $share/swap/f f -- sh -c "! grep private /home/agent/f $share/swap/f" >$e2e/out 2>$e2e/err
	case $? in
	0) began=$((began + 1)) ;;
	125) ;;
	*) fail "a run showed another file, or waited: $(cat $e2e/out $e2e/err)" ;;
	esac
done
kill $waiter
wait $waiter 2>/dev/null
[ $began -gt 0 ] || fail "none of the runs began, which shows nothing"
plant true
rm -rf /home/alice/keep
enter -- rm -rf f g d2
