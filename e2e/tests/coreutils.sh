#!/bin/sh
# Agents are made, used, granted and deleted alike where coreutils are GNU's, uutils' or busybox's.
# machines: trixie
# machines by hand: bookworm
# flavour: others
# timeout: 900
. /opt/e2e/lib.sh
commands="install mkdir chown chmod chgrp cp dd mv rm rmdir sleep id ln touch cat tee stat true env"
mkdir /opt/gnu
for c in $commands; do cp -p /usr/bin/$c /opt/gnu/; done
# become puts the programs of an implementation in the place of GNU's programs, as a distribution does.
become() {
	for c in $commands; do
		case $1 in
		gnu) to=/opt/gnu/$c ;;
		uutils) to=/usr/lib/cargo/bin/coreutils/$c ;;
		busybox) to=$(command -v busybox) ;;
		esac
		[ -e "$to" ] || to=/opt/gnu/$c
		# Each by a new name that is moved there: the commands that do it are among them.
		/opt/gnu/ln -sf "$to" /usr/bin/$c.new && /opt/gnu/mv -T /usr/bin/$c.new /usr/bin/$c
	done
}
# A skeleton with what copies differ in: a link, a program, a folder, something closed.
mkdir -p /etc/skel/.config/deep
ln -s /etc/motd /etc/skel/.link
ln -s /nosuch /etc/skel/.config/dangling
echo x >/etc/skel/.config/deep/file
echo x >/etc/skel/.program
chmod 755 /etc/skel/.program
# look prints what was made, with modes, owners and ACLs, and without what differs from one agent to the next.
look() {
	(
		PATH=/opt/gnu:$PATH
		for at in /etc/au/agents /etc/au/agents/agent /usr/local/libexec/au/agent/su_as_agent /etc/systemd/system/au-agent.service /home/agent; do
			[ ! -e $at ] || stat -c '%A %U %G %n' $at
		done
		cd /home/agent && find . -printf '%M %u %g %p %l\n' | sort
		getfacl -Rpn /home/agent /usr/local/libexec/au/agent/su_as_agent
	)
}
for coreutils in gnu uutils busybox; do
	promise="with $coreutils: an agent is made, and is as with GNU's"
	become $coreutils
	ok as alice au new -y
	look >/run/look.$coreutils
	cmp /run/look.gnu /run/look.$coreutils || fail "it differs: $(diff /run/look.gnu /run/look.$coreutils)"
	[ "$(/opt/gnu/stat -c %a:%u /usr/local/libexec/au/agent/su_as_agent)" = 4750:0 ] || fail "the entrypoint is not set-uid root's"
	ok as alice au info
	says_not problem
	ok as alice au run sh -c 'id -un && ~/.program </dev/null; readlink ~/.link'
	says agent
	says /etc/motd
	ok systemctl is-active au-agent.service
	[ "$(tr '\0' ' ' </proc/"$(systemctl show -P MainPID au-agent.service)"/cmdline)" != '' ] || fail "the keeper does not run"

	promise="with $coreutils: what a kill has left is finished"
	echo half >/etc/au/agents/agent.new
	cp /bin/sh /usr/local/libexec/au/agent/su_as_agent.new
	chmod 4755 /usr/local/libexec/au/agent/su_as_agent.new
	ok as alice au new --unlock i386 -y
	ok as alice au run true
	chmod u-s /usr/local/libexec/au/agent/su_as_agent
	chmod g-s /home/agent
	e2e_run as alice au info
	grep -qF 'is not set-uid' $e2e/out $e2e/err || fail "a bit that is lost should be named"
	ok as alice au new -y
	ok as alice au run true
	[ "$(/opt/gnu/stat -c %a /home/agent)" = 2770 ] || fail "the home is not mended"

	promise="with $coreutils: another human, limits, pause"
	ok as alice au grant -y bob
	ok as bob au run sh -c 'echo bobs >~/bobs'
	ok as alice sh -c 'echo more >>/home/agent/bobs'
	ok as alice au revoke bob
	fails 125 as bob au run true
	ok as alice au limits set --tasks 500
	ok as alice au pause
	ok as alice au resume

	promise="with $coreutils: a kept home goes to the next agent, and at last nothing is left"
	ok as alice au delete -y
	[ "$(/opt/gnu/stat -c '%a %U' /home/agent)" = '700 root' ] || fail "the home is not closed"
	ok as alice au new -y
	ok as alice au run sh -c 'test "$(cat ~/bobs)" = "bobs
more" && echo new >>~/.bashrc'
	ok as alice au delete -y -H
	for at in /home/agent /etc/au /usr/local/libexec/au/agent /var/log/au /etc/systemd/system/au-agent.service; do
		[ ! -e $at ] || fail "$at is left"
	done
done

promise="a program that does not do what it says is named, and nothing is left"
become gnu
printf '#!/bin/sh\n/opt/gnu/chmod "$@"\n[ "$1" != 4750 ] || /opt/gnu/chmod u-s "$2"\n' >/usr/bin/chmod.new
chmod 755 /usr/bin/chmod.new
mv -T /usr/bin/chmod.new /usr/bin/chmod
fails 1 as alice au new -y
complains 'succeeded, but without effect: entrypoint /usr/local/libexec/au/agent/su_as_agent is not set-uid'
[ ! -e /etc/au ] || fail "something is left"
