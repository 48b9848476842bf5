#!/bin/sh
# The command's environment is built: nothing of the caller's comes along unasked.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)

ok as alice env LANG=C.UTF-8 TERM=vt100 COLORTERM=truecolor SECRET=1 LD_PRELOAD=/nosuch AU_ENV_1=INJECTED=1 AU_ENV_7=SEVEN=1 au run env
for pair in HOME=/home/agent USER=agent LOGNAME=agent SHELL=/bin/bash XDG_RUNTIME_DIR=/run/user/$uid LANG=C.UTF-8 TERM=vt100 COLORTERM=truecolor; do
	says "$pair"
done
says 'PATH=/home/agent/.local/bin:'
says_not SECRET
says_not LD_PRELOAD
says_not INJECTED
says_not SEVEN
says_not alice

promise="the runtime folder is the run's own"
ok as alice au run sh -c 'touch "$XDG_RUNTIME_DIR/x" && stat -c "%a %U" "$XDG_RUNTIME_DIR" && ls /run/user'
says_exactly "700 agent
$uid"
ok as alice au run sh -c 'ls -A "$XDG_RUNTIME_DIR"'
silent

promise="no variable for a proxy comes along unasked, and all that are set do with --keep-proxy"
set -- env http_proxy=http://a:1 HTTPS_PROXY=http://b:2 no_proxy=.corp.test OTHER_proxy=c
ok as alice "$@" au run env
says_not proxy
says_not PROXY
ok as alice "$@" au run --keep-proxy env
says http_proxy=http://a:1
says HTTPS_PROXY=http://b:2
says no_proxy=.corp.test
says_not OTHER_proxy
says_not all_proxy
ok as alice "$@" au run --keep-proxy -e no_proxy=all sh -c 'echo $no_proxy'
says_exactly all

promise="-e and --env-file add to it; values hold = and commas"
ok as alice au run -e A=b=c -e 'B=x,y z' -e EMPTY= sh -c 'echo "$A|$B|$EMPTY|${EMPTY+set}"'
says_exactly 'b=c|x,y z||set'
ok as alice env TOKEN=s3cret au run -e TOKEN sh -c 'echo $TOKEN; tr "\0" " " < /proc/self/cmdline; cat /proc/1/cmdline 2>/dev/null; true'
says s3cret
fails 125 as alice au run -e NOSUCH true
complains 'environment variable "NOSUCH": not set'
fails 125 as alice au run -e 1A=x true
complains 'environment variable "1A=x": want KEY=VALUE'
as alice sh -c 'printf "# a comment\n\nFROM_FILE=1=2\nHOME=/tmp\n" > vars'
ok as alice au run --env-file vars -e FROM_OPTION=3 sh -c 'echo $FROM_FILE $FROM_OPTION $HOME'
says_exactly '1=2 3 /tmp'
as alice sh -c 'echo "no pair" > vars'
fails 125 as alice au run --env-file vars true
complains 'vars:1: environment variable'
ok as alice sh -c 'v=$(head -c 5000 /dev/zero | tr "\0" x); au run -e V="$v" sh -c "echo \${#V}"'
says_exactly 5000

promise="a value never stands in the arguments of the entrypoint or of the command"
as alice sh -c 'echo s3cret > token; cat > look' <<'END'
TOKEN=$(cat token) au run -e TOKEN sleep 60 &
sleep 1
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' > seen
kill $!
END
ok as alice sh look
ok cat /home/alice/seen
says 'sleep 60'
says_not s3cret

promise="at a terminal, where au waits, a value given to -e is not in its arguments meanwhile"
at_terminal alice sh -c 'exec au run -e "TOKEN=$(cat token)" sleep 4' >/dev/null 2>&1 &
soon pgrep -u agent sleep
sleep 0.5
ok sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " "'
says 'au run -e TOKEN='
says_not s3cret
wait

promise="a list in the config keeps more"
as alice sh -c 'sed -i "s/^bootstrapped.*/&\nkeep_env = [\"EDITOR\", \"LC_*\"]/" .config/agent-as-unix-user.toml'
ok as alice env EDITOR=ed LC_TIME=C TZ=UTC au run env
says EDITOR=ed
says LC_TIME=C
says_not TZ=

promise="--login loads the agent's own profile"
ok as alice au run sh -c 'echo "export FROM_PROFILE=yes" >> ~/.profile'
ok as alice au run sh -c 'echo "[$FROM_PROFILE]"'
says_exactly '[]'
ok as alice au run --login sh -c 'echo "[$FROM_PROFILE]" "$1"' x 'two  words'
says_exactly '[yes] two  words'
ok as alice sh -c 'echo "echo [\$FROM_PROFILE]; shopt login_shell" | au shell'
says '[yes]'

promise="the working directory: -d, else the agent's home, and it says so"
ok as alice au run pwd
says_exactly /home/agent
ok as alice au run -d /usr/share pwd
says_exactly /usr/share
fails 125 as alice au run -d /nosuch pwd
complains /nosuch
fails 125 as alice sh -c 'mkdir -p proj && cd proj && au run pwd'
complains 'au: /home/alice/proj is not shared, so the agent does not see it; nothing was started'
complains 'au: hint: au mount add --agent agent --rw /home/alice/proj'
