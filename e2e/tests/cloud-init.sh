#!/bin/sh
# User-data that cloud-init reads as a machine first boots installs au and makes the agent of its file, with a limit and a network. No boot after it changes anything, even if cloud-init does all of it again. A package with another checksum is not installed.
# machines: trixie
# machines by hand: true
# flavour: fleet
# packages: deb and rpm
# timeout: 3600
. /opt/e2e/lib.sh
. /opt/e2e/tests/fleet/page.sh
seed=/var/lib/cloud/seed/nocloud

# boots_with ID: the next boot is the first one of another machine, as far as cloud-init knows.
boots_with() {
	printf 'instance-id: "%s"\nlocal-hostname: "%s"\n' "$1" "$(hostname)" >$seed/meta-data
	reboot_machine
}
# ended STATUS: cloud-init has done all that it wants to, and says so.
ended() {
	ok timeout 300 sh -c 'until [ -e /run/cloud-init/result.json ]; do sleep 0.2; done'
	e2e_run cloud-init status --long
	says "status: $1"
}
# kept: a snapshot outlives a reboot. as_kept [REGEXP…] sees that the machine is as in it.
kept() { snapshot first && cp "$e2e/snapshot.first" /var/lib/; }
as_kept() {
	cp /var/lib/snapshot.first "$e2e/"
	unchanged first "$@"
}

case $STAGE in
1)
	without_au
	userdel -r alice 2>/dev/null
	mkdir -p $seed
	# Here is no network to set up, no disk to grow into, and no other place to look for data in.
	printf 'datasource_list: [NoCloud]\nnetwork: {config: disabled}\ngrowpart: {mode: "off"}\nresize_rootfs: false\n' >/etc/cloud/cloud.cfg.d/90_e2e.cfg
	shown $seed/user-data '#cloud-config'
	filled $seed/user-data
	ok cloud-init schema --config-file $seed/user-data
	serve
	cp $seed/user-data /var/lib/user-data
	sed -i 's/SHA256:...../SHA256:00000/' $seed/user-data
	boots_with wrong
	;;
2)
	promise="a package with another checksum is not installed, and cloud-init says that something failed"
	ended error
	says scripts
	[ ! -e /usr/bin/au ] || fail "au is installed"
	fails 2 getent passwd builder
	ok id alice
	cp /var/lib/user-data $seed/user-data
	boots_with right
	;;
3)
	promise="the first boot installs au, and makes the agent of the file, with its limit and its network"
	ended "done"
	ok as alice au --version
	ok stat -c '%U %a' /etc/agents.toml
	says_exactly 'root 644'
	ok as alice au run -a builder id -un
	says_exactly builder
	ok as alice au limits show -a builder
	says "1G"
	ok as alice au net why -a builder registry.npmjs.org
	fails 1 as alice au net why -a builder elsewhere.example
	fails 125 as bob au run -a builder true
	kept
	reboot_machine
	;;
4)
	promise="the next boot changes nothing"
	ended "done"
	soon systemctl is-active au-builder.service
	ok as alice au run -a builder id -un
	says_exactly builder
	as_kept
	ok cloud-init clean
	boots_with right
	;;
5)
	promise="where cloud-init does all of it again, nothing changes either"
	ended "done"
	ok grep -F "The machine is as /etc/agents.toml says; nothing to do" /var/log/cloud-init-output.log
	soon systemctl is-active au-builder.service
	ok as alice au run -a builder id -un
	says_exactly builder
	as_kept "/etc/ssh/ssh_host_" # cloud-init makes new keys
	;;
esac
