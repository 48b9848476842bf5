#!/bin/sh
# An agent cannot log in to itself, by no door of the machine, and one lock is enough.
# waits: yes
# timeout: 900
# machines: trixie
# machines by hand: bookworm
# flavour: doors
. /opt/e2e/lib.sh
[ -e /etc/at.deny ] || printf 'daemon\n' >/etc/at.deny
[ -e /etc/cron.deny ] || printf 'daemon\n' >/etc/cron.deny
chmod 640 /etc/at.deny
before=$(stat -c '%a %U %G' /etc/at.deny; cat /etc/at.deny)
snapshot
ok as alice au new -y
uid=$(id -u agent)
mkdir -p /run/sshd
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -A >/dev/null
printf 'Port 2222\nPasswordAuthentication yes\nUsePAM yes\nAllowStreamLocalForwarding yes\nSubsystem sftp internal-sftp\n' >/run/sshd.conf
/usr/sbin/sshd -f /run/sshd.conf
mkdir -p /srv/jail/files
printf 'Port 2224\nUsePAM yes\nChrootDirectory /srv/jail\nSubsystem sftp internal-sftp\n' >/run/sshd-jail.conf
/usr/sbin/sshd -f /run/sshd-jail.conf
printf 'Port 2223\nPasswordAuthentication yes\nUsePAM no\nSubsystem sftp internal-sftp\n' >/run/sshd-plain.conf
/usr/sbin/sshd -f /run/sshd-plain.conf

# The agent's own hands: a key of its own that its account takes.
ok as alice au run sh -c 'ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id && cp ~/.ssh/id.pub ~/.ssh/authorized_keys && chmod 600 ~/.ssh/authorized_keys'
# StrictModes of sshd's wants the home not to be the group's to write: the agent may do that, too.
as alice au run chmod 0700 /home/agent

options="-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -i /home/agent/.ssh/id"
# A run that began while all was well goes on when an account's expiry is lost; this is what it would do.
agent() { timeout -k 1 25 setpriv --reuid=agent --regid=agent --clear-groups env HOME=/home/agent SHELL=/bin/sh "$@"; }
# typed WORDS COMMAND… types them when there has been time for a prompt.
typed() {
	typed_words=$1
	shift
	{
		sleep 2
		echo "$typed_words"
		sleep 3
	} | timeout -k 1 25 "$@"
}
# got DOOR tries one and leaves in /tmp/got what a command there printed.
got() {
	rm -rf /tmp/got
	mkdir -m 1777 /tmp/got
	: >/tmp/got/it
	case $1 in
	key) agent ssh $options -p 2222 agent@127.0.0.1 'id -u' >/tmp/got/it ;;
	key-without-pam) agent ssh $options -p 2223 agent@127.0.0.1 'id -u' >/tmp/got/it ;;
	forwarding)
		# shellcheck disable=SC2016 # the agent's shell expands it
		agent sh -c 'rm -f /tmp/s; ssh '"$options"' -p 2222 -N -L /tmp/s:/run/dbus/system_bus_socket agent@127.0.0.1 & sleep 4; [ ! -S /tmp/s ] || printf "\0AUTH EXTERNAL\r\nDATA\r\n" | nc -N -U -w 2 /tmp/s; kill $!' >/tmp/got/it ;;
	files) printf 'ls -1 /home\n' | agent sftp $options -P 2222 -b - agent@127.0.0.1 >/tmp/got/it ;;
	jail) printf 'ls -1 /\n' | agent sftp $options -P 2224 -b - agent@127.0.0.1 | sed 's,^/files,OK,' >/tmp/got/it ;;
	password)
		printf '#!/bin/sh\necho known-to-the-agent\n' >/tmp/got/askpass
		chmod 755 /tmp/got/askpass
		agent env SSH_ASKPASS=/tmp/got/askpass SSH_ASKPASS_REQUIRE=force ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-o PubkeyAuthentication=no -p 2222 agent@127.0.0.1 'id -u' >/tmp/got/it </dev/null ;;
	su) typed known-to-the-agent runuser -u carol -- script -qec "su agent -c 'id -u'" /dev/null >/tmp/got/it ;;
	su-with-shell) typed known-to-the-agent runuser -u carol -- script -qec "su -s /bin/sh agent -c 'id -u'" /dev/null >/tmp/got/it ;;
	root-su) timeout -k 1 25 su agent -c 'id -u' >/tmp/got/it ;;
	crontab) echo '* * * * * id -u >/tmp/got/it' | agent crontab - && echo "$uid" >/tmp/got/it ;;
	at) echo 'id -u >/tmp/got/it' | agent at now && echo "$uid" >/tmp/got/it ;;
	user-manager)
		agent loginctl enable-linger agent && sleep 3 && systemctl is-active -q "user@$uid.service" && echo OK >/tmp/got/it
		loginctl disable-linger agent
		systemctl stop "user@$uid.service"
		;;
	machinectl) typed 'id -u; exit' script -qec 'machinectl shell -q agent@.host' /dev/null >/tmp/got/it ;;
	esac 2>/tmp/got/err
	tr '\r' '\n' </tmp/got/it | grep -qE "^$uid|^/home/agent|OK|REJECTED"
}
doors="key key-without-pam forwarding files jail password su su-with-shell root-su crontab at user-manager machinectl"
all=$doors
opened() {
	open=
	for door in $doors; do ! got $door || open="$open $door"; done
	echo "$open"
}
usermod -p "$(openssl passwd -6 known-to-the-agent)" agent # as somebody who sets it a password would

promise="these are doors: without any lock, each lets the agent out"
manager=/etc/systemd/system/user@$uid.service.d
unlocked() { rm -r "$manager" && systemctl daemon-reload; } # the lock of the user manager
usermod --expiredate '' --shell /bin/bash agent
ok unlocked
sed -i '/^agent$/d' /etc/cron.deny /etc/at.deny
without=$(opened)
for door in $doors; do
	case " $without " in *" $door "*) ;; *) e2e_last=; fail "$door is no door, so that this shows nothing; those are:$without; $(cat /tmp/got/it /tmp/got/err)" ;; esac
done
crontab -r -u agent

promise="the expiry is missed, a run is refused, and the line that mends it does"
fails 125 as alice au run true
complains 'its account is not expired, so it could log in to itself'
complains 'hint: sudo usermod --expiredate 1 agent'
fails 1 as alice au info
says 'the account is not expired'
says 'the account has the shell /bin/bash'
says "missing or changed $manager/au.conf: systemd would start the agent's services"
fails 1 as alice au info --json
fails 1 au --human alice info
says 'the account is not expired'
ok usermod --expiredate 1 agent
ok as alice au run true
usermod --expiredate '' agent
ok as alice au new -y
says '$ sudo usermod --shell /nonexistent/nologin agent'
says '$ sudo usermod --expiredate 1 agent'
says "$manager/au.conf"
ok as alice au info
ok as alice au run true

promise="without the expiry the missing shell holds alone, the names in cron.deny and at.deny, and that systemd starts no services; but for sshd in a jail"
usermod --expiredate '' agent
chmod 0700 /home/agent
still=$(opened)
e2e_last=
[ "$still" = " jail" ] || fail "open:$still"

promise="a shell that says no, as nologin does, would leave the doors open that start no shell"
usermod --shell /usr/sbin/nologin agent
doors="forwarding files"
still=$(opened)
[ "$still" = " $doors" ] || fail "with nologin these are open:$still"
doors="$all"

promise="without the shell's lock the expiry holds alone"
usermod --expiredate 1 --shell /bin/bash agent
ok unlocked
still=$(opened)
e2e_last=
for door in $still; do
	# crontab(1) takes a table of an expired account; cron(8) runs nothing of it (net-users tries that).
	[ $door = crontab ] || [ $door = root-su ] || fail "open:$still"
done

promise="no systemd user manager for it either, and lingering is named and mended"
usermod --shell /nonexistent/nologin agent
chmod 2770 /home/agent
ok as alice au new -y
loginctl enable-linger agent 2>/dev/null
sleep 1
fails 3 systemctl is-active "user@$uid.service"
if [ -e /var/lib/systemd/linger/agent ]; then
	fails 1 as alice au info
	says 'it lingers'
	ok as alice au new -y
	says 'loginctl disable-linger agent'
fi

promise="whoever has the uid next has services of their own, also where the agent's lock was left behind"
cp -R "$manager" /run/kept-lock
ok as alice au delete -y -H
[ ! -e "$manager" ] || fail "$manager is there still"
cp -R /run/kept-lock "$manager"
ok sh -c "systemctl daemon-reload && useradd -m -s /bin/bash -u $uid next && loginctl enable-linger next"
soon systemctl is-active -q "user@$uid.service"
ok sh -c "loginctl disable-linger next; loginctl terminate-user next; rm -r $manager; systemctl daemon-reload"
soon userdel -r next
ok as alice au new -y

promise="what was there of cron's and at's lists is there again"
pkill -f '^/usr/sbin/sshd -f' || true
ok as alice au delete -y -H
[ "$before" = "$(stat -c '%a %U %G' /etc/at.deny; cat /etc/at.deny)" ] || fail "at.deny is $(cat /etc/at.deny)"
for file in /etc/cron.deny /etc/at.deny; do rm $file; done
ok as alice au new -y
[ ! -e /etc/cron.deny ] && [ ! -e /etc/at.deny ] || fail "a list was made where there was none"
