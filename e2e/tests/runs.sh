#!/bin/sh
# au list and au info say what runs now, and au stop RUN ends one of them.
# machines: trixie
# machines by hand: bookworm true
# waits: yes
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au new -y -a other
ok as alice au grant -y bob
as alice sh -c 'mkdir -p project && echo x >project/file'
ok as alice au mount add --rw project
uid=$(id -u agent)

ids() { as "${1:-alice}" au list --json | python3 -c 'import json, sys; [print(r["id"]) for g in json.load(sys.stdin) for r in g.get("runs", []) if r["command"] == sys.argv[1]]' "${2:-sleep}"; }
begin() { # WHO FOLDER COMMAND…: its status in /home/WHO/status-NAME
	begun=$1
	where=$2
	shift 2
	as "$begun" sh -c 'cd "$1"; shift; au run "$@"; echo $? >~/status-"$(basename "$3")"' sh "$where" -a agent "$@" >/dev/null 2>&1 &
}

begin alice project sleep 1001
soon pgrep -u agent -f 'sleep 1001'
id=$(ids)
ok test ${#id} = 5
ok as alice au list
says "    run $id: sleep of alice, since $(date +'%-d %b %Y') "
says ', in /home/alice/project (read-write)'
says_not 1001
ok as alice au
says "    run $id: sleep of alice"
ok as alice au info
says "    - run $id: sleep of alice"
ok as alice au info --json
says '"command": "sleep"'
says '"folder": "/home/alice/project"'
ok as alice au info -a other
says_not 'run '
ok au --human alice list
says "run $id: sleep of alice"

promise="every human of the agent sees it, and nobody else"
ok as bob au list
says "run $id: sleep of alice"
ok as carol au list
says_not 'run '
fails 1 as carol au stop "$id"
complains "run \"$id\": none of your agents has a run with this id"
ok as carol mkdir -p .config
as carol sh -c 'printf "[[agents]]\nuser_name = \"agent\"\nentrypoint = \"/usr/local/libexec/au/agent/su_as_agent\"\ngroup = \"su-as-agent\"\n" >.config/agent-as-unix-user.toml'
ok as carol au list
says_not 'run '
fails 1 as carol au stop "$id"

promise="a draft, a folder for one run, and the agent's home are told apart"
begin alice project --draft . -- tail -f /dev/null
soon pgrep -u agent -x tail
ok as alice au list
says ': tail of alice'
says ', in /home/alice/project (draft agent)'
ok as alice au list --json
says '"draft": "agent"'
as bob sh -c 'cd; au run -a agent sh -c "sleep 1003; :"' >/dev/null 2>&1 &
soon pgrep -u agent -f 'sleep 1003'
ok as bob au list
says ': sh of bob'
says ', in its home'

promise="the id is completed, and stays"
ok as alice au complete -- stop ''
says "$id	sleep in agent"
sleep 2
[ "$(ids)" = "$id" ] || fail "the run has another id now: $(ids)"

promise="a run is ended alone, with all that it started; the command gets a signal first"
begin alice project bash -c 'trap "echo ended >trapped; exit 3" TERM; setsid sleep 1004 & while :; do sleep 0.2; done'
soon pgrep -u agent -f 'sleep 1004'
one=$(ids alice bash)
ok as alice au stop --dry-run "$one"
says '# same as: kill '
ok pgrep -u agent -f 'sleep 1004'
ok as alice au stop "$one"
says "Run $one has ended: bash of alice, in agent agent"
says_not sudo
ok cat /home/alice/project/trapped
says_exactly ended
fails 1 pgrep -u agent -f 'sleep 1004'
soon test -s /home/alice/status-bash
ok cat /home/alice/status-bash
says_exactly 3
ok pgrep -u agent -f 'sleep 1001'
fails 1 as alice au stop "$one"
complains "run \"$one\": none of your agents has a run with this id"
complains 'au: hint: au list'

promise="one that does not heed the signal ends all the same"
begin alice project bash -c 'trap : TERM; setsid sleep 1005 & while :; do sleep 0.2; done'
soon pgrep -u agent -f 'sleep 1005'
ok as alice au stop "$(ids alice bash)"
fails 1 pgrep -u agent -f 'sleep 1005'

promise="the run of another human of the agent ends, too, by root's hand"
id2=$(ids alice sh)
ok as alice au stop --dry-run "$id2"
says "end-runs --agent-uid $uid --human-uid 1001 --run $id2"
ok as alice au stop "$id2"
says "Run $id2 has ended: sh of bob, in agent agent"
fails 1 pgrep -u agent -f 'sleep 1003'
ok pgrep -u agent -f 'sleep 1001'

promise="where /proc hides what others run, au says so, and root sees it"
ok mount -o remount,hidepid=2 /proc
ok as alice au list
says agent
says_not 'run '
complains 'runs are not shown: /proc hides the processes of others (hidepid), so only root sees them'
complains 'au: hint: sudo au list'
fails 1 as alice au stop "$id"
complains "au: hint: sudo au stop $id"
ok as alice sudo au stop "$id"
says "Run $id has ended: sleep of alice, in agent agent"
ok mount -o remount,hidepid=0 /proc
soon sh -c "! pgrep -u agent -f 'sleep 1001'"

promise="an agent's name is not taken for a run"
fails 1 as alice au stop other
complains 'run "other": that is the name of an agent, not the id of a run'
complains 'au: hint: au stop --agent other'
ok as alice au stop
ok as alice au list
says_not 'run '
