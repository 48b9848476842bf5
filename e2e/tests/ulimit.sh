#!/bin/bash
# Under limits of the human's own au works, or says in a line which limit it is; there is no trace.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
limited() { as alice bash -c "ulimit $1 && shift && exec \"\$@\"" - "$@"; }

promise="too little address space is said, with status 125"
for size in 100000 500000 900000; do
	for words in 'run true' list --version; do
		# shellcheck disable=SC2086 # several words
		fails 125 limited "-v $size" au $words
		[ "$(cat $e2e/err)" = "au: ulimit -v leaves too little address space for au to start: want 917504 (KB) or more, or unlimited" ] || fail "there should be that line"
	done
done
fails 125 limited '-Sv 100000' au run true
for limit in '-v 920000' '-v 2000000'; do
	ok limited "$limit" au run echo fine
	says_exactly fine
	ok limited "$limit" au run -e A=1 echo fine
	says_exactly fine
	ok limited "$limit" au info
done
ok limited '-v 920000' au run sh -c 'ulimit -v'
says_exactly 920000

# Where the runtime puts its heap differs from start to start, and with it what that needs.
ok limited '-v 917504' bash -c 'for _ in $(seq 150); do au run -e A=1 true || exit; done'

promise="too little memory for data is said, with status 125"
for words in 'run true' list --version; do
	# shellcheck disable=SC2086 # several words
	fails 125 limited "-d 50000" au $words
	[ "$(cat $e2e/err)" = "au: ulimit -d leaves too little memory for au to start: want 98304 (KB) or more, or unlimited" ] || fail "there should be that line"
done
ok limited '-d 98304' bash -c 'for _ in $(seq 20); do au run -e A=1 true || exit; done; exec au info'

promise="too few processes are said, with status 125"
for limit in '-u 1' '-u 2' '-u 3' '-u 5' '-u 8' '-u 12' '-Su 4'; do
	for words in 'run true' 'run -e A=1 true' list --version; do
		# shellcheck disable=SC2086 # several words
		fails 125 limited "$limit" au $words
		[ "$(cat $e2e/err)" = "au: ulimit -u leaves too few processes for au to start: want 16 beside those that you have, or unlimited" ] || fail "there should be that line"
	done
done
# Users are the kernel's: alice's processes in other machines of this host count, too.
for limit in '-u 400' '-u 1023' '-u 1024'; do
	ok limited "$limit" au run true
	ok limited "$limit" au run -e A=1 true
	ok limited "$limit" au info
done

promise="with few files it works, or says so"
for limit in '-n 5' '-n 8' '-n 16'; do
	for words in 'run true' 'run -e A=1 true'; do
		# shellcheck disable=SC2086 # several words
		fails 125 limited "$limit" au $words
		grep -qi 'too many open files' $e2e/err || fail "it should say what is too few"
		! grep -qE 'goroutine|runtime:|panic' $e2e/err || fail "there should be no trace"
	done
done
for limit in '-n 64' '-u 500' '-f 0' '-c 0' '-s 256' '-l 0' '-t 5'; do
	ok limited "$limit" au run true
	ok limited "$limit" au run -e A=1 true
done
