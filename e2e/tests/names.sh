#!/bin/sh
# Humans may be called by a number, DOMAIN\user, with umlauts and spaces: they make agents, are let in and out, and nobody else is meant by it.
# machines: trixie
# machines by hand: bookworm
# flavour: others
. /opt/e2e/lib.sh
# As a directory service has them, beside /etc/passwd.
sed -i 's/^passwd:.*/passwd: files extrausers/; s/^group:.*/group: files extrausers/; s/^shadow:.*/shadow: files extrausers/' /etc/nsswitch.conf
mkdir -p /var/lib/extrausers
: >/var/lib/extrausers/passwd
n=1500
for name in 1001 'CORP\dora' 'jürgen müller' 'dom users@corp.example'; do
	echo "$name:x:$n:$n:Somebody:/home/person $n:/bin/sh" >>/var/lib/extrausers/passwd
	echo "$name:x:$n:" >>/var/lib/extrausers/group
	echo "$name:!:19000:0:99999:7:::" >>/var/lib/extrausers/shadow
	install -d -o $n -g $n -m 700 "/home/person $n"
	echo "#$n ALL=(ALL) NOPASSWD: ALL" >>/etc/sudoers.d/people
	n=$((n + 1))
done
echo 'domain users:x:1600:CORP\dora,1001' >>/var/lib/extrausers/group
# by UID COMMAND… runs it as whoever has that uid, whatever they are called.
by() {
	e2e_uid=$1
	shift
	setpriv --reuid "$e2e_uid" --regid "$e2e_uid" --clear-groups -- env -i "HOME=/home/person $e2e_uid" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
		sh -c 'cd ~ && exec "$@"' - "$@"
}
snapshot
for uid in 1500 1501 1502 1503; do
	name=$(id -un $uid)
	promise="\"$name\" makes an agent, shares with it, and deletes it"
	ok by $uid au new -y -a theirs
	ok grep -q "^enter-uid $uid " /etc/au/agents/theirs
	ok by $uid au info -a theirs
	says "$name"
	says_not 'is gone'
	ok by $uid sh -c 'mkdir work && au mount add -a theirs --rw work && cd work && au run -a theirs sh -c "echo made >file" && test -O file'
	ok by $uid sh -c 'au run -a theirs sh -c "echo x >~/x" && echo more >>/home/theirs/x'
	ok getfacl -n -p /home/theirs
	says "user:$uid:rwx"
	says_not "user:1001:"
	ok by $uid au new -y -a theirs
	says 'nothing to do'
	fails 125 as bob au run -a theirs true
	ok by $uid au delete -y -H -a theirs
	rm -rf "/home/person $uid/work" "/home/person $uid/.config"
done
unchanged before

promise="root acts for them by name; a name of digits is no uid"
ok env SUDO_USER=1001 au new -y -a byname
ok grep -q '^enter-uid 1500 1001$' /etc/au/agents/byname
ok env SUDO_USER=1001 au run -a byname true
ok au --human 1001 run -a byname sh -c true
fails 1 au --human 1000 list
complains 'human "1000": no such user'
fails 1 env SUDO_USER=1000 au list
complains 'human "1000": no such user'
ok au --human 'jürgen müller' new -y -a byroot
ok by 1502 au run -a byroot true
ok au --human 'jürgen müller' delete -y -H -a byroot
ok au --human 1001 delete -y -H -a byname

promise="they are let in and out, each by their own name alone"
ok as alice au new -y
for uid in 1500 1501 1502 1503; do
	name=$(id -un $uid)
	fails 125 by $uid au run true
	ok as alice au grant -y "$name"
	ok by $uid au run true
	fails 125 as bob au run true
	ok as alice au grant -y "$name"
	says 'nothing to do'
	ok as alice au revoke "$name"
	fails 125 by $uid au run true
	ok getfacl -n -p /home/agent
	says_not "user:$uid:"
	says_not "user:1001:"
done
fails 1 as alice au grant -y 1502
complains 'user "1502": no such user'
fails 1 as alice au grant -y 1000
complains 'user "1000": no such user'
ok as alice au grant -y 'CORP\dora'
sed -i '/^CORP/d' /var/lib/extrausers/passwd
e2e_run as alice au info
grep -qF "au revoke --agent agent 'CORP\\dora'" $e2e/out $e2e/err || fail "who is gone should be named, with a line that can be pasted"
ok as alice au revoke 'CORP\dora'

promise="a name with a comma is refused before anything changes"
echo 'a,b:x:1510:1510::/nonexistent:/bin/sh' >>/var/lib/extrausers/passwd
fails 1 as alice au grant -y a,b
complains 'user "a,b" cannot be a human of agent "agent"'

promise="a home that no policy can name is covered with the folder above it"
echo 'dörte:x:1511:1511::/data/people/dörte:/bin/sh' >>/var/lib/extrausers/passwd
install -d -m 755 /data/people/dörte
echo open >/data/people/dörte/file
ok as alice au new -y
fails 1 as alice au run cat /data/people/dörte/file
