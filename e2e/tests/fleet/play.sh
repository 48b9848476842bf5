# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# For the scripts that run the play of docs/fleets.md, after page.sh.
mkdir -p /srv/play
cd /srv/play || exit 1
shown agents.toml '# agents.toml'
shown site.yml '# site.yml'
filled site.yml
printf '[workstations]\nhere ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n' >hosts
printf '[defaults]\ninventory = hosts\nroles_path = /opt/e2e/ansible/roles\nnocolor = true\n' >ansible.cfg

# ansible OPTION… runs the play of the page, whose package a server has.
ansible() { (cd /srv/play && ansible-playbook site.yml "$@"); }
# play [OPTION]… sees that nothing of it fails.
play() {
	ok ansible "$@"
	says "failed=0"
}
# older [OPTION]… plays with the older package, which is a file.
older() { play -e "au_package=$old" -e '{"au_package_checksum": ""}' "$@"; }
# absent [OPTION]… has it remove au.
absent() { play -e au_state=absent "$@"; }
# same [NAME] sees that the machine is as in a snapshot, but for Ansible's own folders.
same() { unchanged "${1-before}" '/\.ansible'; }
