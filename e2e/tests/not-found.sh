#!/bin/bash
# A command that cannot be run says why: not there, the human's own, an interpreter that is missing, a 32-bit program, a stranger.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
# quiet sees whether au printed that line and no more.
quiet() { [ "$(cat "$e2e/err")" = "$1" ] || fail "standard error should be \"$1\""; }

promise="a command that is nowhere is not found, and there is no more to say"
fails 127 as alice au run nosuch
quiet 'au: nosuch: command not found'
fails 127 as alice au run /opt/nosuch
quiet 'au: /opt/nosuch: command not found'
fails 127 as alice au run sh -c 'exit 127'
silent

promise="a program of the human's is named, and said not to be the agent's"
as alice sh -c 'mkdir -p bin proj && printf "#!/bin/sh\necho mine\n" > bin/mine && chmod 755 bin/mine && cp bin/mine proj && echo PATH=\$HOME/bin:\$PATH >> .profile'
# shellcheck disable=SC2088 # alice's shell expands it
for word in mine bin/mine '~/bin/mine'; do
	fails 127 as alice sh -c "au run $word"
	case $word in
	bin/*) ;; # in the agent's home there is none of that name
	*)
		complains 'au: /home/alice/bin/mine is in your home, in a folder that you do not share with the agent'
		complains 'au: programs that the agent installs in its own home, in ~agent/.local/bin, are on its PATH'
		;;
	esac
done
fails 127 as alice au run -e A=1 mine
complains 'is in your home'
ok as alice au mount add proj
ok as alice au run /home/alice/proj/mine
says_exactly mine
ok as alice au mount add --target-only proj
fails 127 as alice au run /home/alice/proj/mine
complains 'in a run it is /home/agent/proj/mine, from your share'
ok as alice au run proj/mine
says_exactly mine
ok as alice au run sh -c 'mkdir -p ~/.local/bin && printf "#!/bin/sh\necho theirs\n" > ~/.local/bin/mine && chmod 755 ~/.local/bin/mine'
ok as alice au run mine
says_exactly theirs

promise="a script whose interpreter is missing says so, and names it"
ok as alice au run sh -c 'for i in "/nosuch/python -u" " 	/nosuch/python" "/bin/sh$(printf "\r")"; do n=$((n + 1)); printf "#!%s\necho x\n" "$i" > s$n; chmod 755 s$n; cp s$n .local/bin; done'
for s in s1 ./s1 /home/agent/s2; do
	fails 126 as alice au run $s
	complains "$(basename $s): its interpreter /nosuch/python is missing"
done
fails 126 as alice au run ./s3
complains "./s3: its interpreter \$'/bin/sh\\r' is missing"
ok as alice au run python3 -c '
import struct
# An executable of 64 bits that asks for a loader which is not there.
path = b"/lib/ld-nosuch.so.1\0"
head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
open("loaderless", "wb").write(head + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(path), len(path), 1) + path)
import os; os.chmod("loaderless", 0o755)'
[ "$(uname -m)" != x86_64 ] || {
	fails 126 as alice au run ./loaderless
	complains './loaderless: its loader is missing'
}
ok as alice au run sh -c 'ln -s nowhere dangling'
fails 127 as alice au run ./dangling
complains './dangling: command not found'
fails 126 as alice au run /etc/passwd
complains '/etc/passwd: Permission denied'

promise="a 32-bit program that the filter ends says which switch it needs, and works with it"
ok as alice au run python3 -c '
import os, struct
# _exit(7) by int $0x80, in an executable of 32 bits.
code = b"\xb8\x01\0\0\0\xbb\x07\0\0\0\xcd\x80"
head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
open("small", "wb").write(head + struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, 84 + len(code), 84 + len(code), 5, 4096) + code)
os.chmod("small", 0o755)'
if [ "$(uname -m)" = x86_64 ] && { /home/agent/small; [ $? = 7 ]; }; then
	for command in ./small "sh -c ./small"; do
		# shellcheck disable=SC2086 # several words
		fails 159 as alice au run $command
		complains 'as 32-bit programs make them'
		complains 'au: hint: au new --agent agent --unlock i386'
	done
	fails 159 at_terminal alice au run ./small
	says 'as 32-bit programs make them'
	fails 139 as alice au run sh -c 'kill -SEGV $$'
	silent
	ok as alice au new -y --agent agent --unlock i386
	fails 7 as alice au run ./small
	silent
	fails 159 as alice au run sh -c 'kill -SYS $$'
	silent
fi

promise="a stranger is told who may enter, and what would let them in"
useradd -m -s /bin/bash carol
for words in 'run true' 'run -e A=1 true' shell; do
	# shellcheck disable=SC2086 # several words
	fails 125 as carol au $words
	quiet 'au: agent "agent" lets in alice, but not you; one of them can let you in with the line below
au: hint: au grant --agent agent carol'
done
ok as alice au grant --agent agent -y carol
ok as carol au run true
