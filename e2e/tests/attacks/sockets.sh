#!/bin/sh
# A socket that netfilter does not see as the agent's cannot be opened, nor can root be had to ask for a name; abstract sockets of others cannot be reached.
. /opt/e2e/tests/attacks/common
tries sockets
says_not got
tries key_helper
says_not got
human python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("\0au-attack"); s.listen(1); open("/home/alice/listening", "w"); time.sleep(60)' &
listener=$!
soon test -e /home/alice/listening
rm /home/alice/listening
ok human python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("\0au-attack")'
if python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 6)'; then
	ok human env AU_ENV_1=NAME=au-attack $E agent -- python3 $here/calls.py abstract
	says_not got
fi
kill $listener

promise="nothing is taken from the machine's pool of asynchronous requests"
if human python3 $here/calls.py pools | grep -q got; then
	tries pools
	says_not got
fi
