#!/bin/sh
# Nothing of the caller's process comes along: descriptors, limits, signals, timers, groups, keys, environment.
. /opt/e2e/tests/attacks/common
# In a container root itself may not raise a limit.
limit=$(bash -c 'ulimit -f 4; ulimit -f unlimited' 2>/dev/null && echo 'ulimit -f 4')
ok human bash -c "exec 7<$share/hers 9</; trap '' HUP TERM USR1 PIPE; umask 0; ulimit -Sn 512; ${limit:-ulimit -Sf 999999}; ulimit -c unlimited
	exec $E agent -- python3 $here/calls.py state"
says_not got

promise="nor do its timers, its idea of the kernel and its way of keeping capabilities"
ok human python3 -c "import os, signal; signal.setitimer(signal.ITIMER_REAL, 0.3); os.execv('$E', ['$E', 'agent', '--', 'sleep', '1'])"
ok human setarch --uname-2.6 uname -r
says 2.6.
ok human setarch --uname-2.6 $E agent -- uname -r
says_exactly "$(uname -r)"
fails 125 python3 -c "
import ctypes, os
ctypes.CDLL(None).prctl(28, 1 << 2)  # a change of ids then changes no capability
os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
os.execv('$E', ['$E', 'agent', '--', 'id'])"
complains 'not set-uid root'

promise="the caller's groups stay the caller's"
usermod -aG adm alice
ok human id -G
says ' 4'
ok enter -- id -G
says_exactly "$(id -g agent)"
gpasswd -d alice adm >/dev/null

promise="its environment too, also in pid 1 of the run"
ok human env SECRET=s3cret LD_PRELOAD=/nosuch BASH_ENV=/nosuch $E agent -- sh -c 'env; cat /proc/*/environ 2>/dev/null; true'
says_not s3cret
says_not nosuch

promise="and its session keyring"
if human python3 -c '
import ctypes, os, sys
c = ctypes.CDLL(None)
if c.syscall(250, 1, None) < 0: sys.exit(3)
key = c.syscall(248, b"user", b"au-attack", b"secret", 6, -3)
c.syscall(250, 5, key, 0x3f000000)
os.execv(sys.argv[1], sys.argv[1:])' $E agent -- python3 $here/calls.py keyring >$e2e/out 2>&1 </dev/null; then
	says_not got
else
	[ $? = 3 ] || fail "keyring: $(cat $e2e/out)"
fi

promise="where memory runs out, the kernel ends the agent's processes first; they cannot change that, where root may set a limit (CAP_SYS_RESOURCE)"
ok enter -- cat /proc/self/oom_score_adj
says_exactly 500
if [ $((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1)) = 1 ]; then
	ok enter -- sh -c 'for lower in 499 0 -1000; do echo $lower >/proc/self/oom_score_adj; done; cat /proc/self/oom_score_adj'
	says_exactly 500
fi

promise="a key ends with the run it was made in: no keyring that outlives it can be named"
if human python3 $here/calls.py user_keyrings | grep -q got; then
	tries user_keyrings
	says_not got
	says 'works keys'
	soon awk -v uid="$agent:" '$1 == uid && $4 ~ "^[0-9][0-9]" { left = 1 } END { exit left }' /proc/key-users
fi
