#!/bin/sh
# Ansible installs au from its package, and makes the agents that a file says. The second time it changes nothing, and in check mode it says what it would change. A mistake in the file is named with its place before anything has changed.
# machines: trixie
# flavour: fleet
# packages: deb and rpm
. /opt/e2e/lib.sh
. /opt/e2e/tests/fleet/page.sh
without_au
. /opt/e2e/tests/fleet/play.sh
serve

promise="a play installs au and makes two agents, with limits and a network"
play
says_not "changed=0"
ok as alice au --version
ok stat -c '%U %a' /etc/agents.toml
says_exactly 'root 644'
ok as alice au run -a builder id -un
says_exactly builder
ok as alice au run -a reviewer id -un
says_exactly reviewer
ok as alice au limits show -a builder
says "150%"
says "1G"
ok as alice au limits show -a reviewer
says "300"
ok as alice au net why -a builder registry.npmjs.org
fails 1 as alice au net why -a builder elsewhere.example
fails 125 as bob au run -a builder true

promise="the second time nothing changes"
snapshot
shown commands 'ansible-playbook site.yml --check    # what would change, and nothing does'
ok sh -e commands
[ "$(output | grep -c 'changed=0 .*failed=0')" = 2 ] || fail "it should have changed nothing twice"
same

promise="check mode says what would change, and changes nothing"
sed -i 's/^tasks = 300/tasks = 350/' agents.toml
play --check
says "changed=2"
says "au --human alice limits set --agent reviewer --tasks 350"
same

promise="a mistake in the file is named with its place, and nothing has changed"
sed -i 's/^tasks = 350/pids = 300/' agents.toml
fails 2 ansible
says 'stdin:20:1: unknown key'
same
