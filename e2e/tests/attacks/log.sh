#!/bin/sh
# A run cannot forge or flood the lines that the log gets about it.
. /opt/e2e/tests/attacks/common
since=@$(date +%s) # not what was tried before
fails 127 enter -- "$(printf 'a\nb" as root: exit 0')"
soon sh -c "journalctl -q -t su_as_agent --since $since | grep -F 'ran \"a?b??as?root:?exit?0\" as agent: exit 127'"
ok enter -- sh -c 'exit 0' s3cret_argument
ok sh -c "! journalctl -q -t su_as_agent --since $since | grep s3cret_argument"
start -- sleep 77
soon pgrep -u agent sleep
kill -9 $waiter
wait
soon sh -c "journalctl -q -t su_as_agent --since $since | grep -F 'ran \"sleep\" as agent: killed with its waiter'"

# Names of folders neither end the line nor look like more of it, and many of them make it no longer than it may be.
odd=$(printf 'a\nbob (uid 1001) runs "rm" as root: exit 0", draft "/etc')
human mkdir -p "$share/$odd"
ok enter --ro "$share/$odd" odd -- true
soon sh -c "journalctl -q -o cat -t su_as_agent --since $since | grep -F 'read-only \"$share/a\\nbob (uid 1001) runs \\042rm\\042 as root: exit 0\\042, draft \\042/etc\"'"
ok sh -c "! journalctl -q -o cat -t su_as_agent --since $since | grep '^bob'"
long=$(printf '%0200d' 0)
set --
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	human mkdir -p "$share/$long$n"
	set -- "$@" --ro "$share/$long$n" "many$n"
done
ok enter "$@" -- true
soon sh -c "journalctl -q -o cat -t su_as_agent --since $since | grep -E ', [1-9] more$'"
ok sh -c "! journalctl -q -o cat -t su_as_agent --since $since | grep -E '.{2048}'"
