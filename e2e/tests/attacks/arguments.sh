#!/bin/sh
# Odd arguments, descriptors and limits are refused or do no harm.
. /opt/e2e/tests/attacks/common
fails 125 human python3 -c "import ctypes; ctypes.CDLL(None).execve(b'$E', (ctypes.c_char_p * 1)(), None)"
fails 125 human $E
fails 125 enter
fails 125 enter --
fails 125 enter --rw / x -- id
complains 'clean absolute SOURCE'
fails 125 enter --rw $share ../x -- id
complains 'clean TARGET'
fails 125 enter --debug -- id
complains 'is not an option'
fails 127 enter -- ''
fails 127 enter -- "$(head -c 5000 /dev/zero | tr '\0' a)"
fails 126 enter -- /etc/passwd
ok enter -- printf '%s' "$(head -c 100000 /dev/zero | tr '\0' a)"
ok human env AU_ENV_1="V=$(head -c 100000 /dev/zero | tr '\0' a)" $E agent -- sh -c 'echo ${#V}'
says_exactly 100000
fails 125 human env AU_ENV_1=novalue $E agent -- id
fails 125 human env 'AU_ENV_1=9A=x' $E agent -- id
ok human env -i $E agent -- id
# shellcheck disable=SC2046 # words
fails 125 human env $(seq 600 | sed 's/.*/AU_ENV_&=V&=x/') $E agent -- id
complains 'more than 500 variables'
# shellcheck disable=SC2046
fails 125 enter $(seq 257 | sed "s|.*|--ro $share a&|") -- id
complains 'more than 256 shares'
fails 125 enter --rw $share a/../../b -- id
complains 'clean TARGET'
fails 125 enter --rw $share/../attacked b -- id
complains 'clean absolute SOURCE'

promise="what steers a terminal is not passed on in a message"
fails 127 enter -- "$(printf 'a\033]0;title\007\177')"
complains "au: \$'a\\033]0;title\\007\\177': command not found"

promise="closed descriptors are /dev/null or /dev/full in the run, and no file of root's takes their place"
ok human sh -c "exec $E agent -- sh -c 'ls -l /proc/self/fd >/tmp/seen' <&- >&- 2>&-"
ok enter -- sh -c 'grep -cE "/dev/(null|full)$" /tmp/seen; rm /tmp/seen'
says_exactly 2

promise="a folder as a descriptor would lead out of the walls"
fails 125 human sh -c "$E agent -- ls /proc/self/fd/0/home </"
complains 'descriptor 0'
fails 125 human python3 -c "import os; os.dup2(os.open('$share/hers', os.O_PATH), 0); os.execv('$E', ['$E', 'agent', '--', 'id'])"
complains 'descriptor 0'

promise="with next to no limits it refuses or works, and never hangs"
for limit in '-n 3' '-n 5' '-n 10' '-u 1' '-f 0' '-s 64' '-v 20000' '-d 100' '-l 0' '-t 1'; do
	human timeout 20 bash -c "ulimit $limit; exec $E agent -- true" >/dev/null 2>&1 </dev/null
	status=$?
	case $status in 0 | 125 | 126 | 137 | 139) ;; *) fail "with ulimit $limit it exited $status" ;; esac
done
ok sh -c "! pgrep -u agent"
