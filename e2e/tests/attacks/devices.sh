#!/bin/sh
# A run's /dev has the nodes that are on the list, whatever the machine opens to everybody; terminals and queues are its own.
. /opt/e2e/tests/attacks/common
cat >/opt/expected <<'END'
/dev/fd l
/dev/full c
/dev/mqueue d
/dev/null c
/dev/ptmx l
/dev/pts d
/dev/pts/ptmx c
/dev/random c
/dev/shm d
/dev/stderr l
/dev/stdin l
/dev/stdout l
/dev/tty c
/dev/urandom c
/dev/zero c
END
# nodes: what is in the /dev of a run; of the machine's cards whether there are some is the machine's affair.
nodes() { ok enter -- find /dev -mindepth 1 -printf '%p %y\n'; sort $e2e/out | grep -vE '^/dev/(kvm|dri|accel|kfd|dxg|nvidia)' >/opt/seen; }
[ -e /dev/net/tun ] || { mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200; }
[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
mknod -m 666 /dev/opened c 1 3
nodes
cmp -s /opt/seen /opt/expected || fail "another /dev than the list (>):
$(diff /opt/expected /opt/seen)"
ok enter -- sh -c 'for d in null zero full random urandom; do head -c 1 /dev/$d >/dev/null || exit 1; done; echo x >/dev/null; echo y | cat /dev/stdin /dev/fd/0'
says_exactly y
fails 2 enter -- sh -c 'echo x >/dev/planted'
fails 1 enter -- rm -f /dev/null

promise="cards are as the machine has them: open to the agent where their mode or an ACL says so, and only there"
[ -e /dev/dri ] || made_dri=1
mkdir -p /dev/dri
mknod -m 600 /dev/dri/card90 c 1 5
mknod -m 600 /dev/dri/card91 c 1 5
setfacl -m u:agent:rw /dev/dri/card91
ok enter -- head -c 1 /dev/dri/card91
fails 1 enter -- head -c 1 /dev/dri/card90
rm /dev/dri/card90 /dev/dri/card91
[ -z "${made_dri-}" ] || rmdir /dev/dri

promise="a switch of the policy's shows the machine's /dev, another what goes with user namespaces"
cp -p $policy /etc/au/kept
echo 'allow userns' >>$policy
ok enter -- ls /dev/fuse /dev/net/tun
fails 2 enter -- ls /dev/opened
# An agent that is root in a namespace of its own cannot take away what has been put there.
ok enter -- unshare -Urm sh -c 'for d in /dev /dev/pts /dev/mqueue /dev/shm; do umount $d; umount -l $d; done; mkdir -p /tmp/d; mount --bind /dev /tmp/d; test ! -e /dev/opened && test ! -e /tmp/d/opened'
cp -p /etc/au/kept $policy
echo 'allow devices' >>$policy
ok enter -- head -c 1 /dev/opened
ok enter -- sh -c 'stat -f -c %T /dev/pts /dev/shm; ls /dev/pts'
says_exactly "devpts
tmpfs
ptmx"
# pair prints the name of a pseudoterminal that it makes.
pair='import os; main, side = os.openpty(); print(os.ttyname(side))'
ok enter -- python3 -c "$pair"
says_exactly /dev/pts/0
# A node, or a mount, for /dev/ptmx would lead to the machine's.
mv /dev/ptmx /dev/ptmx.kept
cp -a /dev/pts/ptmx /dev/ptmx.node 2>/dev/null || mknod -m 666 /dev/ptmx.node c 5 2
touch /dev/ptmx
mount --bind /dev/pts/ptmx /dev/ptmx
ok python3 -c "$pair"
before=$(ls /dev/pts)
ok enter -- python3 -c "$pair
import time; time.sleep(0.2); print(sorted(os.listdir('/dev/pts')))"
says "['0', 'ptmx']"
umount /dev/ptmx
rm /dev/ptmx /dev/ptmx.node
mv /dev/ptmx.kept /dev/ptmx
mv /etc/au/kept $policy

promise="a run takes a bounded number of pseudoterminals, none of them the machine's, and does not see those of others"
cat >/opt/take.py <<'END'
# take.py: opens all the pseudoterminals there are, and waits for a file.
import os, resource, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
try:
    while True: held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError: pass
print(len(held), flush=True)
open("/tmp/took", "w").close()
while os.path.exists("/tmp/took"): time.sleep(0.1)
END
enter -- python3 /opt/take.py >/opt/number 2>&1 &
taking=$!
soon enter -- test -e /tmp/took
ok cat /opt/number
says_exactly 256
ok enter -- python3 -c "$pair"
ok human python3 -c "$pair"
ok enter -- ls /dev/pts
says_exactly ptmx
ok enter -- rm /tmp/took
wait $taking

promise="message queues of others are not there, and what a run leaves ends with it"
cat >/opt/queue.py <<'END'
# queue.py [make] NAME: opens a POSIX message queue, or makes it.
import ctypes, os, sys
libc = ctypes.CDLL("librt.so.1", use_errno=True)
os.umask(0)
flags = os.O_RDWR | (os.O_CREAT if sys.argv[1] == "make" else 0)
sys.exit(libc.mq_open(sys.argv[-1].encode(), flags, 0o666, None) < 0)
END
ok human python3 /opt/queue.py make /hers
ok human python3 /opt/queue.py /hers
fails 1 enter -- python3 /opt/queue.py /hers
ok enter -- sh -c 'python3 /opt/queue.py make /its && python3 /opt/queue.py /its && ls /dev/mqueue'
says_exactly its
fails 1 enter -- python3 /opt/queue.py /its
if mountpoint -q /dev/mqueue; then
	ok ls /dev/mqueue
	says_exactly hers
	rm /dev/mqueue/hers
fi
rm -f /dev/opened /opt/expected /opt/seen /opt/take.py /opt/queue.py /opt/number
