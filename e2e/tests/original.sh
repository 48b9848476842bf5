#!/bin/sh
# A config that agent-as-unix-user wrote opens; its agents are shown, not run, and can be taken apart.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
snapshot
# What version 2.2 makes, command by command.
groupadd su-as-agent
useradd --shell /usr/bin/bash --no-user-group --create-home --home-dir /home/agent --gid su-as-agent agent
usermod --append --groups su-as-agent alice
chgrp su-as-agent /home/agent
chmod 2770 /home/agent
setfacl --modify default:group:su-as-agent:rwx /home/agent
cp /bin/true /home/agent/su_as_agent
chown root:su-as-agent /home/agent/su_as_agent
chmod 4750 /home/agent/su_as_agent
# The agent moved a copy of its own entrypoint aside, to become root later.
cp -a /home/agent/su_as_agent /var/tmp/aside
as alice mkdir -p .config proj
as alice sh -c 'cat > .config/agent-as-unix-user.toml' <<'END'
disable_home_access_check = true

[[agents]]
user_name = "agent"
su_as_agent_group = "su-as-agent"
entrypoint = "/home/agent/su_as_agent"
entrypoint_sha256 = "0123"
bootstrapped = true
[[agents.mounts]]
source = "/home/alice/proj"
target = "/home/agent/proj"
read_only = false
END
chmod 700 /home/alice/.config
setfacl -R -m g:su-as-agent:rwx,d:g:su-as-agent:rwx /home/alice/proj

ok as alice au list
says 'agent (default) (made by agent-as-unix-user 2.x: not run)'
fails 1 as alice au info
says '/home/alice/proj -> /home/agent/proj [rw]'
says 'lets the agent become root'
fails 125 as alice au run true
complains 'made by agent-as-unix-user 2.x'
complains 'au: hint: au delete --agent agent && au new --agent agent'
fails 1 as alice au new -y
complains 'made by agent-as-unix-user 2.x'

ok as alice au delete -y -H
fails 1 test -e /var/tmp/aside
ok getfacl -p /home/alice/proj
says_not su-as
says_not 'group:1'
unchanged before '/home/alice/(\.config|proj)' '/home/alice/?$'
ok as alice au new -y
ok as alice au run true
