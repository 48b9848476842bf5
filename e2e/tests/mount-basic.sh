#!/bin/sh
# au mount add shares a folder, au run sees it, au mount list shows it, au mount remove takes it back.
# machines: trixie
# machines by hand: bookworm
# core: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
as alice sh -c 'mkdir -p proj/sub "odd name" && echo hello > proj/file && echo deep > proj/sub/deep && ln -s proj link'
config=/home/alice/.config/agent-as-unix-user.toml

ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'
ok as alice au mount list --json
says_exactly '[]'

promise="a share is read-only unless asked, at the same path below the agent's home"
ok as alice au mount add proj
says 'agent agent sees /home/alice/proj read-only at that path and at /home/agent/proj'
says 'au mount check --agent agent /home/alice/proj'
says_not sudo
ok as alice au mount list
says_exactly '/home/alice/proj -> /home/agent/proj [ro]'
ok as alice au run cat proj/file
says_exactly hello
fails 2 as alice au run sh -c 'echo x > proj/new'
complains 'Read-only file system'
fails 1 as alice au run sh -c 'chmod 777 proj/file'
ok grep -c agents.mounts "$config"
says_exactly 1

promise="a run from inside a share starts in its counterpart, also behind a link"
ok as alice sh -c 'cd proj/sub && au run pwd'
says_exactly /home/alice/proj/sub
ok as alice sh -c 'cd link/sub && au run pwd'
says_exactly /home/alice/proj/sub
ok as alice au run -d proj/sub pwd
says_exactly /home/alice/proj/sub
fails 125 as alice sh -c 'mkdir -p project2 && cd project2 && au run pwd'
complains 'au: /home/alice/project2 is not shared, so the agent does not see it; nothing was started'
complains 'au: hint: au mount add --agent agent --rw /home/alice/project2'
ok as alice sh -c 'au run pwd'
[ ! -s /run/e2e/err ] || fail "a run from the home itself should say nothing"

promise="read-only becomes read-write in place when --rw is given, and not the other way round by accident"
ok as alice au mount add --rw proj
says 'sees /home/alice/proj read-write at that path and at /home/agent/proj'
ok as alice au mount list
says_exactly '/home/alice/proj -> /home/agent/proj [rw]'
ok as alice au run sh -c 'echo from agent > proj/new'
ok stat -c '%U:%G' /home/alice/proj/new
says_exactly alice:alice
fails 1 as alice au mount add proj
complains 'it is shared already, read-write, at /home/agent/proj'
complains 'au: hint: au mount remove --agent agent /home/alice/proj'
ok as alice au mount add --rw proj
says_exactly 'Agent agent sees /home/alice/proj read-write at that path and at /home/agent/proj already; nothing to do'
ok as alice au mount add --rw proj proj
says_exactly 'Agent agent sees /home/alice/proj read-write at that path and at /home/agent/proj already; nothing to do'
fails 1 as alice au mount add --rw proj elsewhere
complains 'it is shared already, read-write, at /home/agent/proj'

promise="a target of its own, relative to the agent's home or absolute; a name that needs quotes"
ok as alice au mount add "odd name" work/there
ok as alice au mount list
says '/home/alice/odd name -> /home/agent/work/there [ro]'
ok as alice sh -c 'cd "odd name" && au run pwd'
says_exactly '/home/alice/odd name'
ok as alice au mount list --json
says '"source": "/home/alice/odd name"'
says '"missing": false'

promise="a share that vanished is named at a run and marked in the list, and can be removed"
mv /home/alice/proj /home/alice/gone
ok as alice au run true
complains 'au: share /home/alice/proj is left out of this run: it is not there any more'
complains 'au: hint: au mount remove --agent agent /home/alice/proj'
ok as alice au mount list
says '/home/alice/proj -> /home/agent/proj [rw] (missing)'
ok as alice au mount remove proj
says 'Not shared any more: /home/alice/proj'
mv /home/alice/gone /home/alice/proj
ok as alice au mount remove /home/agent/work/there
ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'
ok as alice au mount remove proj
says_exactly 'No share of agent agent has the source or target proj; nothing to do'
fails 2 as alice au run ls proj/file
ok grep -c user_name "$config"
says_exactly 1

promise="--ro and --rw share for one run, and change nothing"
cp "$config" /run/before
ok as alice sh -c 'cd proj && au run --rw . sh -c "pwd; echo once > once"'
says_exactly /home/alice/proj
ok stat -c %U /home/alice/proj/once
says_exactly alice
fails 2 as alice au run --ro proj sh -c 'echo x > proj/once'
complains 'Read-only file system'
ok cmp "$config" /run/before
ok as alice au mount add proj
ok as alice au run --rw proj sh -c 'echo twice > proj/once'
ok as alice sh -c 'cd proj/sub && au run --rw . sh -c "pwd; echo x > x; ! echo x > ../x 2>/dev/null"'
says_exactly /home/alice/proj/sub
fails 2 as alice au run sh -c 'echo x > proj/once'
ok as alice au mount add --rw proj
ok as alice au run --rw proj/sub --rw proj true
fails 125 as alice au run --ro proj/sub true
complains 'it cannot be read-only inside /home/alice/proj, which the agent can write'
ok as alice au run --ro proj sh -c '! echo x > proj/once 2>/dev/null'

promise="a dry run changes nothing, and what is printed is what is written"
cp "$config" /run/before
ok as alice au mount add --dry-run "odd name"
says '/home/alice/odd name -> /home/agent/odd name [ro]'
ok as alice au mount remove --dry-run proj
ok cmp "$config" /run/before

promise="as root, au acts as the human, and only as the human"
ok au mount add --human alice "/home/alice/odd name"
ok stat -c %U "$config"
says_exactly alice
ok as alice au mount list
says 'odd name'

promise="carol, who may not use sudo, shares without it"
ok as alice au grant -y carol
as carol mkdir -m 700 carols
ok as carol au mount add --rw carols
says_not sudo
ok as carol au run touch carols/x
ok stat -c %U /home/carol/carols/x
says_exactly carol

promise="another human shares folders of their own with the same agent"
ok as alice au grant -y bob
as bob sh -c 'mkdir -m 700 proj && echo bobs > proj/file'
ok as bob au mount add --rw proj
ok as bob au run sh -c 'cat proj/file; echo x > proj/new'
says_exactly bobs
ok stat -c %U /home/bob/proj/new
says_exactly bob
fails 1 as bob au mount add /home/alice/proj
ok as alice au run cat proj/file
says_exactly hello
ok as alice au delete -y -H
