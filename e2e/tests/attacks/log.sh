#!/bin/sh
# A run cannot forge or flood the line that the log gets about it.
. /opt/e2e/tests/attacks/common
fails 127 enter -- "$(printf 'a\nb" as root: exit 0')"
soon sh -c "journalctl -q -t su_as_agent --since -1min | grep -F 'ran \"a?b??as?root:?exit?0\" as agent: exit 127'"
ok enter -- sh -c 'exit 0' s3cret_argument
ok sh -c '! journalctl -q -t su_as_agent --since -1min | grep s3cret_argument'
start -- sleep 77
soon pgrep -u agent sleep
kill -9 $waiter
wait
soon sh -c "journalctl -q -t su_as_agent --since -1min | grep -F 'ran \"sleep\" as agent: killed with its waiter'"
