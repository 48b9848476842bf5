#!/bin/sh
# A server of tmux or screen that a run leaves behind ends with it, and one line says so and where to start tmux instead.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
line='au: a tmux or screen server of this run ended with the run, and so did all that was in it: start tmux outside of runs'
said() { complains "$line"; complains "au: hint: tmux new au run --agent agent $1"; }
gone() { soon sh -c '! pgrep -u agent'; }

promise="it is said of a server that the command itself has left, and the status stays"
ok as alice au run tmux new -d 'sleep 1000'
said bash
gone
fails 3 as alice au run sh -c 'tmux new -d "sleep 1000"; exit 3'
said sh
gone

promise="and of the one from which a person has gone away at a terminal"
ok at_terminal alice au run sh -c '(sleep 2; tmux detach-client) & tmux new "sleep 1000"'
says "$line"
gone

promise="and of one of screen, which is known by its name"
ok as alice au run sh -c 'cp /bin/sleep ~/screen; setsid ~/screen 1000 & sleep 0.5'
said sh
gone

promise="it is said of nothing else that ends with the run, nor of a server that has ended before"
ok as alice au run sh -c 'setsid sleep 1000 & exit 0'
complains_not "$line"
ok as alice au run sh -c 'tmux new -d true; while tmux has-session 2>/dev/null; do sleep 0.1; done'
complains_not "$line"

promise="nor of the server of another run, which goes on"
as alice au run sh -c 'tmux -L other new -d "sleep 1000"; sleep 1000' 2>"$e2e/first" &
soon pgrep -u agent -f 'tmux -L other'
ok as alice au run tmux -L other ls
complains_not "$line"
ok pgrep -u agent -f 'tmux -L other'

promise="a run that is ended says who ended it"
ok as alice au stop
wait
! grep -qF "$line" "$e2e/first" || fail "it was ended, and says $(cat "$e2e/first")"

promise="a server outside of the run lives on"
ok as alice tmux new -d 'au run sleep 1000'
soon pgrep -u agent sleep
ok as alice tmux has-session
ok as alice tmux kill-server
gone

promise="hundreds of processes that are left hide no server, and hold nothing up for long"
ok as alice au run sh -c 'i=0; while [ $((i += 1)) -le 400 ]; do sleep 1000 & done; tmux new -d "sleep 1000"'
said sh
gone
