#!/bin/sh
# Ansible removes au, whose agents come back with it, or with its agents, so that nothing is left; both change nothing the second time or in check mode; where au cannot say whose the agents are, nothing is removed.
# machines: none
# machines by hand: trixie
# flavour: fleet
# packages: deb and rpm
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/fleet/page.sh
without_au
. /opt/e2e/tests/fleet/play.sh
serve
snapshot bare
play
ok as bob au new -y -a mine

promise="removed, the package is gone and the agents stay; installed again, they are as they were"
snapshot
absent --check
says_not "changed=0"
same
absent
[ ! -e /usr/bin/au ] && [ ! -e /etc/agents.toml ] && [ ! -e /var/cache/au ] || fail "au is left"
ok id builder
absent
says "changed=0"
play
same
ok as alice au run -a builder id -un
says_exactly builder

promise="where au cannot say whose the agents are, nothing is removed"
cp /home/bob/.config/agent-as-unix-user.toml /root/bobs
echo '[[' >/home/bob/.config/agent-as-unix-user.toml
fails 2 ansible -e au_state=absent -e '{"au_remove_agents": true}'
says "au names 0 of 3 agents"
says "/home/bob/.config/agent-as-unix-user.toml"
cp /root/bobs /home/bob/.config/agent-as-unix-user.toml
same

promise="removed with its agents, nothing is left"
absent --check -e '{"au_remove_agents": true}'
says_not "changed=0"
same
absent -e '{"au_remove_agents": true, "au_remove_homes": true}'
fails 1 id builder
fails 1 id mine
[ ! -e /home/builder ] || fail "a home is left"
unchanged bare '/\.ansible' '/home/(alice|bob)/\.config'
absent -e '{"au_remove_agents": true, "au_remove_homes": true}'
says "changed=0"
