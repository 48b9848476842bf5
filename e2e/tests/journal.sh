#!/bin/sh
# Every run leaves two lines in the journal: who, which agent, the command's name, its shares; and how it ended.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
lines() { journalctl -b -o cat -t su_as_agent --no-pager | grep -c "$1"; }
log() { journalctl -b -o cat -t su_as_agent --no-pager; }

ok as alice au run true
soon sh -c 'journalctl -b -o cat -t su_as_agent --no-pager | grep -q "alice (uid 1000) ran \"true\" as agent: exit 0"'
fails 3 as alice au run -e TOKEN=s3cret sh -c 'exit 3' argument
soon sh -c 'journalctl -b -o cat -t su_as_agent --no-pager | grep -q "ran \"sh\" as agent: exit 3"'
fails 137 as alice au run bash -c 'kill -9 $$'
soon sh -c 'journalctl -b -o cat -t su_as_agent --no-pager | grep -q "ran \"bash\" as agent: exit 137"'
[ "$(log | wc -l)" = 8 ] || fail "three runs, and the one that au new tries, should have left eight lines: $(log)"
log | grep -q '^alice (uid 1000) runs "true" as agent: guard [1-9][0-9]*, began [1-9][0-9]*, in "/home/agent"$' || fail "no line says that a run began: $(log)"

promise="arguments and values are not in it, and a command's name cannot forge a line"
log | grep -E 's3cret|argument' && fail "it holds an argument or a value"
fails 127 as alice au run "$(printf 'x\nbob (uid 1001) ran "rm" as agent: exit 0')"
soon sh -c 'journalctl -b -o cat -t su_as_agent --no-pager | grep -q "exit 127"'
log | grep -q '^bob' && fail "a line was forged: $(log)"

promise="a run that is killed with its caller is in it too"
as alice sh -c 'au run sleep 1000 & echo $! > pid; wait' &
soon pgrep -u agent sleep
ok as alice sh -c 'kill -KILL $(cat pid)'
soon sh -c 'journalctl -b -o cat -t su_as_agent --no-pager | grep -q "ran \"sleep\" as agent"'
wait
