#!/bin/sh
# A loop over ssh installs au from its package and applies one file on each machine. It goes on past a machine that is not there, one that does not answer and one that cannot install, and says of each how it ended.
# machines: trixie
# flavour: fleet
# packages: deb and rpm
. /opt/e2e/lib.sh
. /opt/e2e/tests/fleet/page.sh
without_au
mkdir -p /srv/loop /run/sshd ~/.ssh
cd /srv/loop || exit 1
shown agents.toml '# agents.toml'
shown apply.sh '# apply.sh'
cp "$new" .
grep -qF au_0.1.0_amd64.deb apply.sh || fail "the loop names no package"
grep -qF 'one.example.org two.example.org' apply.sh || fail "the loop names no machines"
sed -i "s/au_0.1.0_amd64.deb/$(basename "$new")/; s/one.example.org two.example.org/gone.example.org mute.example.org full.example.org one.example.org/" apply.sh

# Four machines: at the port of the first nobody listens; who listens at that of the second says nothing; the third is a mount namespace in which
# nothing can be installed; the last is this machine.
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
chmod -R go= ~/.ssh
for machine in gone:2221 mute:2222 full:2223 one:2224; do
	printf 'Host %s.example.org\n\tHostName 127.0.0.1\n\tPort %s\n\tStrictHostKeyChecking no\n\tLogLevel ERROR\n' "${machine%:*}" "${machine#*:}"
done >~/.ssh/config
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A >/dev/null
python3 -c '
import socket, time
mute = socket.create_server(("127.0.0.1", 2222))
time.sleep(1000)' &
mute=$!
trap 'kill $mute' EXIT
ok unshare -m sh -c 'mount --bind /var/lib/dpkg /var/lib/dpkg && mount -o remount,bind,ro /var/lib/dpkg && exec /usr/sbin/sshd -p 2223'
ok /usr/sbin/sshd -p 2224
soon ssh one.example.org true
soon ssh full.example.org true

promise="the loop goes on past machines that fail, and installs au on the one that does not"
fails 1 sh apply.sh
for machine in gone mute full; do says "$machine.example.org: failed"; done
complains "dpkg returned an error code"
says "one.example.org: changed"
ok as alice au run -a builder id -un
says_exactly builder
ok as alice au limits show -a builder
says "150%"
ok as alice au limits show -a reviewer
says "300"
ok as alice au net why -a builder registry.npmjs.org
fails 1 as alice au net why -a builder elsewhere.example

promise="the second time nothing changes"
sed -i 's/ full.example.org//' apply.sh # all but its mounts are this machine's, which has the package now
snapshot
fails 1 sh apply.sh
for machine in gone mute; do says "$machine.example.org: failed"; done
says "one.example.org: as it was"
unchanged

promise="where all machines do as they are told, the loop says so by its status"
sed -i 's/gone.example.org mute.example.org //' apply.sh
ok sh apply.sh
says "one.example.org: as it was"

promise="a mistake in the file is named with its place, and the machine stays as it was"
sed -i 's/^tasks = 300/pids = 300/' agents.toml
fails 1 sh apply.sh
says "one.example.org: failed"
complains "agents.toml:20:1: unknown key"
unchanged
