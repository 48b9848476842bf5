#!/bin/bash
# Full-screen programs work in a terminal that only the human's own folders describe, as kitty and ghostty are.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice sh -c 'infocmp -x xterm-256color | sed "s/^xterm-256color|[^,]*/xterm-mine|a terminal of our own/" > mine && tic -x -o private mine && tic -x -o .terminfo mine && mv .terminfo kept && ls private/x/xterm-mine'
# in_mine [VARIABLE…] COMMAND… runs a command as the agent in that terminal.
in_mine() { at_terminal alice env TERM=xterm-mine "$@"; }

promise="without a description they fail"
in_mine au run tput colors >$e2e/out 2>&1 </dev/null && fail "the terminal should be unknown: $(cat $e2e/out)"
says 'unknown terminal "xterm-mine"'

promise="with TERMINFO, TERMINFO_DIRS or ~/.terminfo they work"
as alice cp -r kept .terminfo
for where in HOME=/home/alice TERMINFO=/home/alice/private TERMINFO_DIRS=:/home/alice/private; do
	[ $where = HOME=/home/alice ] || as alice rm -rf .terminfo
	ok in_mine $where au run tput colors
	says 256
	ok in_mine $where au run -e A=1 infocmp
	says 'a terminal of our own'
done
mine=TERMINFO=/home/alice/private
ok in_mine $mine au run vim.tiny -c ':echo &term' -c ':q'
says_not E558
ok in_mine $mine au run sh -c 'seq 3 | less -E -F'
says_not 'not fully functional'
ok in_mine $mine au run tmux new-session 'echo in tmux'
says_not 'missing or unsuitable terminal'
fails 124 in_mine $mine au run timeout --foreground -s INT 2 htop
says F10
ok in_mine $mine au run python3 -c 'import curses; curses.wrapper(lambda s: s.getmaxyx())'

promise="the machine's own description is used where there is one, and the human can say another"
ok at_terminal alice env TERM=xterm $mine au run env
says_not TERMINFO
ok in_mine $mine au run -e TERMINFO=/nosuch sh -c 'echo "[$TERMINFO]"'
says '[/nosuch]'
ok as alice env $mine TERM=xterm-mine sh -c 'ln -s /etc/passwd private/x/xterm-passwd; TERM=xterm-passwd au run env'
says_not TERMINFO
