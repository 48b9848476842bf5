#!/bin/sh
# No way of making a set-uid file works, neither in a share, where it would be the human's, nor at home.
. /opt/e2e/tests/attacks/common
for dir in /home/agent/attacked /home/agent /tmp; do
	ok enter --rw $share attacked --dir $dir -- python3 $here/calls.py set_uid
	says_not got
	ok enter --rw $share attacked --dir $dir -- python3 $here/calls.py set_gid
	says_not got
	ok enter --rw $share attacked --dir $dir -- python3 $here/calls.py ordinary
	says 'works modes'
done
ok find $share /home/agent /run/au -perm /6000 -type f
silent

promise="and io_uring, which would make one behind the filter's back, is not there"
tries io_uring
says_not got

promise="nor a user namespace, in which an overlay would"
tries user_namespace
says_not got
