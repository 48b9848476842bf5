#!/bin/sh
# Ansible upgrades au while an agent works, and deletes the agents that its file does not name any more if it is told to. Both change nothing the second time or in check mode. It refuses a package with another checksum, and what the role does not know.
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

promise="check mode on a machine without au changes nothing, and says what would be"
snapshot bare
play --check
says_not "changed=0"
same bare
[ ! -e /usr/bin/au ] || fail "au is installed"

promise="the role refuses what it does not know, and a file with a mistake, before it does anything"
fails 2 ansible -e au_state=gone
same bare
fails 2 ansible -e au_prune=perhaps
same bare

promise="check mode finds nothing to change where nothing is"
older
older --check
says "changed=0"

promise="an upgrade from a URL ends nothing, and brings the agents up to date"
as alice sh -c 'au run -a reviewer sleep 1000; echo $? >status' &
soon pgrep -u reviewer -x sleep
snapshot
fails 2 ansible -e au_package_checksum="sha256:$(printf %064d 0)"
says "did not match"
same
ok as alice au --version
says_exactly "au 0.0.9"
play
says_not "changed=0"
ok as alice au --version
says_not "0.0.9"
for agent in builder reviewer; do
	cmp /usr/libexec/au/su_as_agent /usr/local/libexec/au/$agent/su_as_agent || fail "the entrypoint of $agent is the older one"
done
ok pgrep -u reviewer -x sleep
ok as alice au run -a reviewer id -un
says_exactly reviewer
snapshot
play
says "changed=0"
play --check
says "changed=0"
same
pkill -u reviewer -x sleep
soon test -s /home/alice/status
[ "$(cat /home/alice/status)" = 143 ] || fail "the run ended with $(cat /home/alice/status)"
rm /home/alice/status

promise="what the file does not name any more stays, unless it is to be pruned; whoever runs Ansible keeps agents that the file is not about"
ok as bob au new -y -a mine
sed -i '/^user_name = "reviewer"/,$d' agents.toml
sed -i '$d' agents.toml
play
ok id reviewer
pruned() { as bob sh -c 'cd /srv/play && ansible-playbook site.yml "$@"' sh -e '{"au_prune": true}' "$@"; }
snapshot
ok pruned --check
says_not "changed=0"
same
ok pruned
says_not "changed=0"
fails 1 id reviewer
[ -d /home/reviewer ] || fail "its home is gone"
ok id mine
ok pruned
says "changed=0"
