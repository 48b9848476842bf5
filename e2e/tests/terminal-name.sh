#!/bin/sh
# A run's terminal has a name, the same for everybody who asks, though the run sees none of the machine's other terminals.
# machines: trixie
# machines by hand: bookworm true
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
# Three ways to ask: the C library's, Python's, and the kernel's number of it, which ps looks up.
ok at_terminal alice au run sh -c 'tty; python3 -c "import os; print(os.ttyname(0))"; ps -o tty= -p $$ | sed s,^,/dev/,; ls -d /dev/pts/[0-9]*'
# script(1) without a standard input types an end of file, which shows as ^@ where the terminal is raw by then.
tr -d '\r' <$e2e/out | sed 's/^^@//' | sort -u >$e2e/names
[ "$(grep -c . $e2e/names)" = 1 ] || fail "there should be one name: $(cat $e2e/names)"
grep -qE '^/dev/pts/[0-9]+$' $e2e/names || fail "a name below /dev/pts is wanted"

promise="that holds where the human has many terminals open, and one with a number that is too high works without a name"
ok at_terminal alice bash -c 'for i in $(seq 20); do exec {f}<>/dev/ptmx; done; au run tty'
says /dev/pts/2
ok at_terminal alice bash -c 'ulimit -n 1024; for i in $(seq 300); do exec {f}<>/dev/ptmx; done; au run sh -c "tty; test -t 0 && echo works >/dev/tty"'
says 'not a tty'
says works

promise="programs that open terminals of their own, or their own by its name, do so"
ok at_terminal alice au run script -qc 'test -t 0 && tty' /dev/null
says /dev/pts/
ok at_terminal alice au run sh -c 'stty -F "$(tty)" size && echo shown >"$(tty)"'
says shown
ok at_terminal alice au run sh -c 'tmux new-session -d "tty >$HOME/of_tmux; tmux wait-for -S done"; tmux wait-for done; cat of_tmux'
says /dev/pts/
ok at_terminal alice au run sh -c 'echo | less /etc/hostname | head -n 1'
says "$(cat /etc/hostname)"
# node opens its terminal anew, by the name.
ok at_terminal alice au run node -e 'process.stdout.write(String(process.stdout.isTTY) + " " + require("fs").readlinkSync("/proc/self/fd/0"))'
says 'true /dev/pts/'
