#!/bin/bash
# The exit status is the command's own, and the human can end a run without sudo; nothing of it survives.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y

ok as alice au run true
silent
fails 1 as alice au run false
fails 42 as alice au run -- sh -c 'exit 42'
fails 143 as alice au run sh -c 'kill -TERM $$'
fails 137 as alice au run sh -c 'kill -KILL $$'
fails 127 as alice au run nosuch
complains nosuch
fails 126 as alice au run /etc/passwd
fails 126 as alice au run /home
fails 125 as alice au run -a nosuch true
fails 0 as alice au run --help
fails 3 as alice au run sh -c 'exit 3' --help --nosuch
says_not Usage
ok as alice au run echo -- --agent x
says_exactly '-- --agent x'

promise="standard input, output and error are the caller's own"
ok as alice sh -c 'seq 100000 | au run cat | md5sum; seq 100000 | md5sum'
[ "$(uniq "$e2e/out" | wc -l)" = 1 ] || fail "100,000 lines should come through a pipe as they are"
ok as alice sh -c 'au run sh -c "echo out; echo err >&2" 2>/dev/null'
says_exactly out
ok as alice sh -c 'au run sh -c "yes" | head -n 1'
says_exactly y

agents() { pgrep -u agent >/dev/null; }
none() { soon sh -c '! pgrep -u agent'; }

for signal in INT TERM HUP KILL; do
	promise="a run that the human sends SIG$signal ends, with all it started"
	as alice sh -c 'env --default-signal au run sh -c "sleep 1000 & setsid sleep 1000 & nohup sleep 1000 & exec sleep 1000" & echo $! > pid; wait $!; echo $? > status' &
	soon agents
	soon sh -c '[ "$(pgrep -u agent -c sleep)" -ge 4 ]'
	ok as alice sh -c "kill -$signal \$(cat pid)"
	none
	wait
done

promise="when the command ends, what it left in the background ends with it"
ok as alice au run sh -c 'setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & sleep 0.2'
none

promise="two runs do not see each other's processes"
as alice sh -c 'au run sleep 1000 & echo $! > pid; wait' &
soon agents
ok as alice au run ps -e -o comm=
says_not sleep
ok as alice sh -c 'kill $(cat pid)'
none
wait

promise="ps, top and pgrep know what waits for a run and what guards it by the entrypoint's name, at a terminal as well"
for how in as at_terminal; do
	$how alice au run sleep 1000 >/dev/null &
	soon agents
	ok sh -c 'pgrep -x su_as_agent | wc -l'
	says 2
	ok pkill -u agent -x sleep
	none
	wait
done
