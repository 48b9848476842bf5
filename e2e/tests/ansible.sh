#!/bin/sh
# Ansible installs au from its package, makes the agents that a file says, changes nothing the second time or in check mode, upgrades au while an agent works, and removes it; the user-data for cloud-init and the loop over ssh do what the page says.
# machines: none
# machines by hand: trixie
# flavour: fleet
# packages: deb and rpm
# timeout: 1800
. /opt/e2e/lib.sh
page=/opt/e2e/docs/fleets.md
old=$(ls /opt/packages/old/*.deb) new=$(ls /opt/packages/new/*.deb)
rm -r /usr/local/bin/au /usr/local/libexec/au /usr/local/share/man /usr/local/share/bash-completion
fails 127 as alice au --version

# block LINE prints the block of the page that begins with this line.
block() { awk -v first="$1" '/^```/ { on = 0; next } $0 == first && !seen++ { on = 1 } on' $page; }
mkdir -p /srv/play
cd /srv/play || exit 1
block '# agents.toml' >agents.toml
block '# site.yml' >site.yml
block '#cloud-config' >user-data
block '# apply.sh' >apply.sh
for file in agents.toml site.yml user-data apply.sh; do [ -s $file ] || fail "the page has no $file"; done
printf '[workstations]\nhere ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n' >hosts
printf '[defaults]\ninventory = hosts\nroles_path = /opt/e2e/ansible/roles\nnocolor = true\n' >ansible.cfg

# ansible OPTION… runs the play of the page.
ansible() { (cd /srv/play && ansible-playbook site.yml "$@"); }
# play PACKAGE [OPTION]… runs it with that package, which is a file.
play() {
	e2e_package=$1
	shift
	ok ansible -e "au_package=$e2e_package" -e '{"au_package_checksum": ""}' "$@"
	says "failed=0"
}
# upgrade [OPTION]… runs it with the newer package, which a server has.
upgrade() {
	ok ansible -e "au_package=$url" -e "au_package_checksum=sha256:$sum" "$@"
	says "failed=0"
}
# same sees that the machine is as in a snapshot, but for Ansible's own folders.
same() { unchanged "${1-before}" '/\.ansible'; }

(cd /opt/packages/new && exec python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1) &
server=$!
trap 'kill $server' EXIT
url=http://127.0.0.1:8000/$(basename "$new")
soon python3 -c "import urllib.request; urllib.request.urlopen('$url')"
sum=$(sha256sum "$new" | cut -d' ' -f1)

promise="check mode on a machine without au changes nothing, and says what would be"
snapshot bare
play "$old" --check
says_not "changed=0"
upgrade --check
says_not "changed=0"
same bare
[ ! -e /usr/bin/au ] || fail "au is installed"

promise="a play installs au and makes two agents, with limits and a network"
play "$old"
says_not "changed=0"
ok as alice au --version
says_exactly "au 0.0.9"
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
play "$old"
says "changed=0"
same

promise="check mode says what would change, and changes nothing"
sed -i 's/^tasks = 300/tasks = 350/' agents.toml
play "$old" --check
says "changed=2"
says "au --human alice limits set --agent reviewer --tasks 350"
same
sed -i 's/^tasks = 350/tasks = 300/' agents.toml
play "$old" --check
says "changed=0"

promise="a mistake in the file is named with its place, and nothing has changed"
sed -i 's/^tasks = 300/pids = 300/' agents.toml
fails 2 ansible -e "au_package=$old" -e '{"au_package_checksum": ""}'
says 'stdin:20:1: unknown key'
same
sed -i 's/^pids = 300/tasks = 300/' agents.toml
fails 2 ansible -e au_state=gone
same

promise="an upgrade from a URL ends nothing, and brings the agents up to date"
as alice sh -c 'au run -a reviewer sleep 1000; echo $? >status' &
soon pgrep -u reviewer -x sleep
fails 2 ansible -e "au_package=$url"
says "did not match"
ok as alice au --version
says_exactly "au 0.0.9"
upgrade
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
upgrade
says "changed=0"
upgrade --check
says "changed=0"
same
pkill -u reviewer -x sleep
soon test -s /home/alice/status
[ "$(cat /home/alice/status)" = 143 ] || fail "the run ended with $(cat /home/alice/status)"
rm /home/alice/status

promise="what the file does not name any more stays, unless it is to be pruned; whoever runs Ansible keeps agents that the file is not about"
ok as bob au new -y -a mine
cp agents.toml both.toml
sed -i '/^user_name = "reviewer"/,$d' agents.toml
sed -i '$d' agents.toml
upgrade
ok id reviewer
pruned() { as bob sh -c 'cd /srv/play && ansible-playbook site.yml "$@"' sh -e "au_package=$url" -e "au_package_checksum=sha256:$sum" -e '{"au_prune": true}'; }
ok pruned
says_not "changed=0"
fails 1 id reviewer
[ -d /home/reviewer ] || fail "its home is gone"
ok id mine
ok pruned
says "changed=0"
cp both.toml agents.toml
upgrade

promise="removed, the package is gone and the agents stay; installed again, they are as they were"
absent() {
	ok ansible -e au_state=absent "$@"
	says "failed=0"
}
snapshot
absent --check
says_not "changed=0"
same
absent
[ ! -e /usr/bin/au ] && [ ! -e /etc/agents.toml ] && [ ! -e /var/cache/au ] || fail "au is left"
ok id builder
absent
says "changed=0"
upgrade
same
ok as alice au run -a builder id -un
says_exactly builder

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

promise="the user-data for cloud-init, by hand: its files, and its commands as one script of sh"
sed -i "s|https://example.org/au_0.1.0_amd64.deb|$url|; s/SHA256:0*/SHA256:$sum/" user-data
cat >run-user-data <<'END'
import os, yaml
data = yaml.safe_load(open("user-data"))
for file in data["write_files"]:
    assert file["owner"] == "root:root"
    with open(file["path"], "w") as out:
        out.write(file["content"])
    os.chmod(file["path"], int(file["permissions"], 8))
with open("runcmd", "w") as out:
    out.write("".join(line + "\n" for line in data["runcmd"]))
END
ok python3 run-user-data
ok sh runcmd
ok as alice au run -a builder id -un
says_exactly builder
ok as alice au limits show -a builder
says "1G"
absent -e '{"au_remove_agents": true, "au_remove_homes": true}'
sed -i "s/SHA256:..../SHA256:0000/" runcmd
e2e_run sh runcmd
[ "$e2e_status" != 0 ] && [ ! -e /usr/bin/au ] || fail "a package with another checksum is installed"

promise="the loop over ssh installs au and says which machine was changed"
mkdir -p /run/sshd ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
chmod -R go= ~/.ssh
printf 'Host *.example.org\n\tHostName 127.0.0.1\n\tPort 2222\n\tStrictHostKeyChecking no\n\tLogLevel ERROR\n' >~/.ssh/config
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A >/dev/null
ok /usr/sbin/sshd -p 2222
cp "$new" .
sed -i "s/au_0.1.0_amd64.deb/$(basename "$new")/" apply.sh
ok sh apply.sh
says "one.example.org: changed"
says "two.example.org: as it was"
sed -i 's/^tasks = 300/pids = 300/' agents.toml
ok sh apply.sh
says "one.example.org: failed"
complains "/etc/agents.toml:20:1: unknown key"
