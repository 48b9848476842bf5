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

promise="what is in another group of the human's is the agent's too, and the group is nobody's"
usermod -aG adm,cdrom alice
install -d -o alice -g adm -m 2775 $share/grouped
install -o alice -g adm -m 640 /dev/null $share/grouped/hers
install -o bob -g adm -m 660 /etc/hostname $share/grouped/bobs
ok enter --rw $share attacked -- sh -c 'cd attacked/grouped && echo x >>hers && mv hers renamed && echo y >new && mkdir sub && stat -c "%u %g" renamed new sub | sort -u'
says_exactly "$agent 4294901760"
ok stat -c '%U:%G' $share/grouped/renamed $share/grouped/new $share/grouped/sub
says_exactly "alice:adm
alice:adm
alice:adm"
fails 1 enter --rw $share attacked -- cat attacked/grouped/bobs
enter --rw $share attacked -- sh -c 'cd attacked/grouped && cp /bin/true set_gid && chmod g+s set_gid; chgrp 4 set_gid; chgrp 4294901760 set_gid' 2>/dev/null
ok find $share/grouped -type f -perm /6000
silent
for group in adm cdrom; do gpasswd -d alice $group >/dev/null; done

promise="it is so in each of hundreds of groups; where the kernel maps no more, that of the share comes first, and the others are named"
# in_groups GROUPS ARG…: enters as alice who is in these groups, too.
in_groups() { g=$1; shift; setpriv --reuid=alice --regid=alice --groups="$g" -- $E agent "$@"; }
for n in 700000001 700000600 800003493; do
	install -d -o alice -g $n -m 2770 $share/of_$n
	install -o alice -g $n -m 640 /dev/null $share/of_$n/file
done
ok in_groups "$(seq -s, 700000001 700000600)" --rw $share attacked -- sh -c 'for n in 700000001 700000600; do echo x >>attacked/of_$n/file && touch attacked/of_$n/new || exit 1; done'
silent
ok stat -c '%U %g' $share/of_700000600/new
says_exactly 'alice 700000600'
# 500 that do not follow one another. The last is that of the folder which is shared.
scattered=$(seq -s, 800000000 7 800003493)
ok in_groups "$scattered" --rw $share/of_800003493 attacked -- sh -c 'echo x >>attacked/file && touch attacked/new'
complains 'warning: the kernel maps no more of your groups'
complains ', 800003479, 800003486'
grep -qF 800003493 $e2e/err && fail "the group of the share should not be among those that are left out"
grep -qF ' 800000000,' $e2e/err && fail "the first group should not be among those that are left out"
rm -r $share/of_*

promise="in a group that the human is not in it is read and no more"
install -o alice -g adm -m 660 /dev/null $share/theirs
fails 1 enter --rw $share attacked -- mv attacked/theirs attacked/renamed
complains 'Value too large for defined data type'
fails 2 enter --rw $share attacked -- sh -c 'echo x >>attacked/theirs'
ok enter --rw $share attacked -- cat attacked/theirs
rm -r $share/grouped $share/theirs

promise="read-only, nosuid and nodev hold for what is mounted below, too"
mount -t tmpfs -o mode=0700,uid=alice,gid=alice below $share/sub
if ! since 6.3; then
	# A tmpfs has no id maps yet.
	fails 125 enter --ro $share attacked -- true
	complains 'cannot be id-mapped; try: au mount add --acl'
	umount $share/sub
	install -d -o alice -g alice -m 700 /opt/below
	mount --bind /opt/below $share/sub
fi
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
rm -rf $share /opt/below
