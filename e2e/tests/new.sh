#!/bin/sh
# au new makes an agent, au run runs commands as it, au delete leaves the machine as it was.
# machines: bookworm trixie
# machines by hand: true
. /opt/e2e/lib.sh

snapshot
ok as alice au new -y
says '$ sudo groupadd --gid'
says '$ sudo useradd --uid'
says 'Created agent agent'
uid=$(id -u agent)

promise="what au new leaves is what the README says"
ok stat -c '%a %U:%G' /home/agent /usr/local/libexec/au/agent/su_as_agent /etc/au/agents/agent
says_exactly "2770 agent:su-as-agent
4750 root:su-as-agent
644 root:root"
ok id -nG agent
says_exactly agent
ok id -nG alice
says su-as-agent
fails 1 grep -q ^agent: /etc/subuid /etc/subgid
ok chage -l agent
says 'Jan 02, 1970'
ok systemctl is-enabled au-agent.service
ok systemctl is-active au-agent.service

promise="the session that made the agent can run commands as it at once, though it has not the new group"
ok as alice au run id -u
says_exactly "$uid"
ok as alice au run id -nG
says_exactly agent
fails 42 as alice au run -- bash -c 'exit 42'
ok as alice sh -c 'echo through | au run cat | tr a-z A-Z'
says_exactly THROUGH
ok as alice au run pwd
says_exactly /home/agent

promise="a run is in the agent's unit, for every controller"
ok as alice au run cat /proc/self/cgroup
says "user.slice/user-$uid.slice/au-agent.service"
says_not session-

promise="au new again changes nothing and says so"
snapshot made
ok as alice au new -y
says_exactly 'Agent agent is as it should be; nothing to do'
unchanged made

promise="au info finds nothing wrong, and au list names the agent"
ok as alice au info
says agent
says_not BROKEN
ok as alice au info --json
says '"healthy": true'
ok as alice au list
says_exactly 'agent (default)'
ok as alice au list --json
says '"name": "agent"'

promise="a dry run prints the plan and changes nothing"
snapshot made
ok as alice au delete -H --dry-run
says '$ sudo userdel agent'
ok as alice au new -a second --dry-run
says '$ sudo groupadd'
unchanged made

promise="au delete leaves the machine as it was"
ok as alice au delete -y -H
says 'Deleted agent agent'
# /usr/local/libexec is shared by all programs, so it stays; the config and its lock are the human's own.
unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'
ok as alice au list
says_exactly 'No agents configured.'
fails 125 as alice au run true
complains 'no such agent'
