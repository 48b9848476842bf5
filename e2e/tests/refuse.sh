#!/bin/sh
# Bad input gets one clear error, before anything has changed.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh

useradd --create-home --uid 1500 dora
groupadd su-as-taken
groupadd alone
snapshot

refused() { fails "$@"; unchanged; }

refused 1 as alice au new -y -a Agent
complains 'agent name "Agent": want'
refused 1 as alice au new -y -a ../etc
refused 1 as alice au new -y -a ''
refused 1 as alice au new -y -a abcdefghijklmnopqrstuvwxyz
refused 1 as alice au new -y -a root
complains 'reserved'
refused 1 as alice au new -y -a alice
complains 'your own user'
refused 1 as alice au new -y -a dora
complains 'user "dora" exists and au did not make it'
refused 1 as alice au new -y -a taken
complains 'group "su-as-taken" exists'
refused 1 as alice au new -y -a alone
complains 'group "alone" exists'
refused 1 as alice au new
complains 'nobody to ask'
refused 1 env -u SUDO_USER au new -y
complains 'want the human to act for'
refused 1 env -u SUDO_USER au --human root new -y
complains 'cannot be root'
refused 1 env -u SUDO_USER au --human nosuch new -y
complains 'no such user'
refused 2 as alice au new --nosuch
complains 'unknown flag --nosuch'
refused 2 as alice au nosuch
refused 125 as alice au run --nosuch true
refused 125 as alice au run
refused 125 as alice au run true
complains 'no such agent'
complains 'au: hint: au new --agent agent'

promise="au delete touches nothing that au did not make"
refused 1 as alice au delete -y -a dora -H
complains 'no such agent was made by au'
refused 1 as alice au delete -y -a root
refused 1 as alice au delete -y -a alice -H
ok test -d /home/dora

promise="a config that names a real user does not make them an agent"
as alice mkdir -p .config
as alice sh -c 'cat > .config/agent-as-unix-user.toml' <<'END'
[[agents]]
user_name = "dora"
su_as_agent_group = "su-as-dora"
entrypoint = "/home/dora/su_as_agent"
entrypoint_sha256 = "00"
bootstrapped = false
END
snapshot
ok as alice au delete -y -a dora -H
says 'Deleted agent dora'
ok test -d /home/dora
ok id dora
snapshot

promise="somebody without sudo is told so, and nothing is half done"
fails 1 as carol au new -y
unchanged

promise="a broken config is named with line and column, and never overwritten"
as alice sh -c 'echo "[[agents" > .config/agent-as-unix-user.toml'
snapshot
refused 1 as alice au new -y
complains '/home/alice/.config/agent-as-unix-user.toml:1:'
