#!/bin/sh
# In a share the human's files are the agent's, nobody else's are, and read-only is read-only all the way down.
. /opt/e2e/tests/attacks/common
ok enter --rw $share attacked -- sh -c 'cat attacked/hers; echo new >attacked/new; mkdir attacked/sub; stat -c %U attacked/hers attacked/new'
says_exactly "agent
agent"
ok stat -c '%U:%G' $share/new $share/sub
says_exactly "alice:alice
alice:alice"
fails 1 enter --rw $share attacked -- cat attacked/roots
fails 1 enter --rw $share attacked -- cat attacked/bobs
ok enter --rw $share attacked -- stat -c %u attacked/roots attacked/bobs
says_exactly "65534
65534"

promise="read-only, nosuid and nodev hold for what is mounted below, too"
mount -t tmpfs -o mode=0700,uid=alice,gid=alice below $share/sub
install -o alice -m 4755 /bin/true $share/sub/set_uid
fails 1 enter --ro $share attacked -- touch attacked/x
fails 1 enter --ro $share attacked -- touch attacked/sub/x
ok enter --rw $share attacked -- touch attacked/sub/x
ok enter --rw $share attacked -- grep /home/agent/attacked /proc/self/mountinfo
[ "$(grep -c 'rw,nosuid,nodev' $e2e/out)" = 2 ] || fail "both mounts should be nosuid and nodev"

promise="a run's mounts are its own, and the human's unmounting reaches it"
start --rw $share attacked -- sh -c 'touch attacked/started; sleep 300; :'
soon test -e $share/started
ok sh -c "! grep /home/agent /proc/mounts"
ok umount $share/sub
soon sh -c "! grep -l 'below' /proc/[0-9]*/mountinfo"
kill $waiter
wait
rm -r $share
