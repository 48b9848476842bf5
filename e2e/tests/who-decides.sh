#!/bin/sh
# The human's home and config are the user database's word; the config is obeyed where only they and root could have written it.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
complete=/usr/local/libexec/au/au-complete
config=/home/alice/.config/agent-as-unix-user.toml
ok as alice au new -y
as alice mkdir -p work dots
ok as alice au mount add --rw work

obeyed() { # both programs start the run where the config says
	for au in au $complete; do
		ok as alice sh -c "cd work && $au run pwd"
		says_exactly /home/alice/work
		ok as alice $au list
		says agent
	done
	ok as alice au mount list
	says /home/alice/work
	ok as alice sh -c 'au mount add dots && au mount remove dots'
}
refused() { # TEXT: nothing is started, and nothing is written
	before=$(find /home/alice/.config /home/alice/dots -ls)
	for au in au $complete; do
		fails 125 as alice sh -c "cd work && $au run pwd"
		complains "$1"
		fails 1 as alice $au list
		complains "$1"
	done
	fails 1 as alice au mount add dots
	complains "$1"
	[ "$before" = "$(find /home/alice/.config /home/alice/dots -ls)" ] || fail "something was written"
}
obeyed

promise="folders of the human's own, and of their own group, will do"
for mode in 700 755 775; do
	chmod $mode /home/alice/.config
	obeyed
done
chmod 664 $config
obeyed
setfacl -m u:bob:rx,g:users:rx /home/alice/.config
chmod g-w /home/alice/.config
obeyed
setfacl -b /home/alice/.config

promise="what somebody else could write is refused, with the line that mends it"
chmod 777 /home/alice/.config
refused '/home/alice/.config: everybody can write it (mode 0777)'
complains 'au: hint: chmod o-w /home/alice/.config'
ok as alice chmod o-w /home/alice/.config
obeyed
chmod 666 $config
refused "$config: everybody can write it"
chmod 664 $config
chgrp users /home/alice/.config
refused "/home/alice/.config: the group $(getent group users | cut -d: -f3) can write it (mode 0775)"
complains 'au: hint: chmod g-w /home/alice/.config'
chgrp alice /home/alice/.config
usermod -aG alice bob
refused "the group $(id -g alice) can write it"
gpasswd -d bob alice >/dev/null
obeyed
for who in u:agent u:bob g:users; do
	setfacl -m $who:rwx /home/alice/.config
	refused 'can write it by its ACL'
	complains 'au: hint: setfacl --remove '
	setfacl -b /home/alice/.config
done
chmod 700 /home/alice/.config
chown bob /home/alice/.config
refused "/home/alice/.config: a folder of uid $(id -u bob)'s"
chown alice /home/alice/.config
chown bob $config
chmod 644 $config
refused "$config: a file of uid $(id -u bob)'s"
chown alice $config
chmod 777 /home
refused '/home: everybody can write it'
chmod 755 /home
obeyed

promise="links of the human's own lead to it, as those of dotfile managers do; a stranger's do not"
as alice sh -c 'mv .config/agent-as-unix-user.toml dots/au.toml && ln -s ../dots/au.toml .config/agent-as-unix-user.toml'
obeyed
[ -L $config ] || fail "the link is one no longer"
chmod 777 /home/alice/dots
refused '/home/alice/dots: everybody can write it'
chmod 755 /home/alice/dots
chown -h bob $config
refused "$config: a symbolic link of uid $(id -u bob)'s"
chown -h alice $config
as alice sh -c 'rm .config/agent-as-unix-user.toml; mv dots/au.toml .config/agent-as-unix-user.toml'
obeyed

promise="a config that a share holds is refused, with what to do"
cp -p $config /run/config
printf '[[agents.mounts]]\nsource = "/home/alice/.config"\ntarget = "/home/agent/.config"\nread_only = false\n' >>$config
refused '/home/alice/.config is in /home/alice/.config, which agent "agent" can write'
complains 'move it, or take that share out of it'
cp -p /run/config $config
obeyed

promise="-C is looked for where the caller is, and ~ is the user database's"
as alice sh -c 'mkdir -p other/deep && cp .config/agent-as-unix-user.toml other/c.toml'
# shellcheck disable=SC2088 # au reads it as it is
for word in 'c.toml' './c.toml' 'deep/../c.toml' '../other/c.toml' '~/other/c.toml' '/home/alice/other/c.toml'; do
	ok as alice sh -c 'cd other && HOME=/nonexistent exec au -C "$0" mount list' "$word"
	says /home/alice/work
done
ok as alice sh -c 'ln -s other way && cd way && au -C ../other/c.toml mount list && cd / && au -C home/alice/way/c.toml mount list'
ok as alice sh -c 'cd other && PWD=/home/alice/dots au -C c.toml mount list'
chmod 777 /home/alice/other
fails 1 as alice sh -c 'cd other && au -C c.toml mount list'
complains '/home/alice/other: everybody can write it'
chmod 755 /home/alice/other

promise="who is in another database than /etc/passwd is asked for by getent(1), of the machine's"
printf '#!/bin/sh\n[ "$1 $2" != "passwd 4321" ] || { echo far:x:4321:4321::/srv/far:/bin/sh; exit; }\nexec /usr/bin/getent "$@"\n' >/usr/local/bin/getent
chmod 755 /usr/local/bin/getent
install -d -o 4321 -g 4321 -m 700 /srv/far /srv/far/.config
printf '[[agents]]\nuser_name = "theirs"\n' >/srv/far/.config/agent-as-unix-user.toml
chown 4321 /srv/far/.config/*
for au in /usr/local/bin/au $complete; do
	ok setpriv --reuid=4321 --regid=4321 --clear-groups env -i HOME=/home/alice $au list
	says theirs
	fails 1 setpriv --reuid=4322 --regid=4322 --clear-groups env -i HOME=/home/alice $au list
	complains 'uid 4322: no such user on this machine'
done
rm /usr/local/bin/getent

promise="SUDO_USER is root's word alone, and what programs are told is the same for everybody"
ok as alice env SUDO_USER=bob au list
says agent
ok env SUDO_USER=alice au list
says agent
ok as alice au new --dry-run -a second
cp $e2e/out /run/plan
ok as alice env POSIXLY_CORRECT=1 LC_ALL=C.UTF-8 LANGUAGE=de BASH_ENV=/nonexistent LS_COLORS=x au new --dry-run -a second
sed 's/au agent [0-9a-f]*/au agent TAG/; s/^tag .*/tag TAG/' $e2e/out >/run/second
sed 's/au agent [0-9a-f]*/au agent TAG/; s/^tag .*/tag TAG/' /run/plan | cmp - /run/second || fail "another environment made another plan"
ok as alice env POSIXLY_CORRECT=1 au new -y -a second
ok as alice env POSIXLY_CORRECT=1 au delete -y -H -a second

promise="what humans link their configs to keeps no command of root's waiting, and root reads nothing for them that they could not read"
printf '[[agents]]\nuser_name = "agent"\nhumans = ["alice"]\n' >/root/agents.toml
roots_refuse() { # TEXT: each command of root that reads alice's config says so at once, and nothing is written
	before=$(find /home/alice/.config /root -ls)
	for words in 'export' 'export -a agent' '--human alice export' 'apply -y /root/agents.toml' 'delete -y -a agent --human alice' '--human alice info -a agent' '--human alice mount list'; do
		# shellcheck disable=SC2086 # words are several
		fails 1 env -u SUDO_USER timeout 30 au $words </dev/null
		complains "$1"
	done
	[ "$before" = "$(find /home/alice/.config /root -ls)" ] || fail "something was written"
}
mv $config /run/config
for kernels in /proc/kmsg /proc/self/environ /proc/sys/kernel/ostype /sys/kernel/mm/transparent_hugepage/enabled; do
	[ -e $kernels ] || continue
	as alice ln -s $kernels $config
	roots_refuse 'is made by the kernel while it is read'
	rm $config
done
install -d -m 755 /srv/roots
install -d -m 700 /srv/roots/shut
cp /run/config /srv/roots/closed && chmod 600 /srv/roots/closed
cp /run/config /srv/roots/shut/open && chmod 644 /srv/roots/shut/open
cp /run/config /srv/roots/of-a-group && chgrp users /srv/roots/of-a-group && chmod 640 /srv/roots/of-a-group
for shut in closed shut/open of-a-group; do
	as alice ln -s /srv/roots/$shut $config
	roots_refuse "leads to \"/srv/roots/$shut\", which only others may read"
	rm $config
done
as alice mkfifo $config
roots_refuse 'is not a regular file'
rm $config

promise="a config that root keeps and the human may read is obeyed, as on NixOS; so is a file that root names for a human"
install -m 644 /run/config /srv/roots/config
as alice ln -s /srv/roots/config $config
ok as alice au mount list
says /home/alice/work
for words in 'export' '--human alice mount list'; do
	# shellcheck disable=SC2086 # words are several
	ok env -u SUDO_USER timeout 30 au $words
	says /home/alice/work
done
setfacl -m u:alice:r /srv/roots/closed
for readable in of-a-group closed; do
	usermod -aG users alice
	ln -sfn /srv/roots/$readable $config
	chown -h alice $config
	ok env -u SUDO_USER timeout 30 au --human alice mount list
	says /home/alice/work
	gpasswd -d alice users >/dev/null
done
rm $config
mv /run/config $config
ok env -u SUDO_USER timeout 30 au --human alice apply -y --dry-run /root/agents.toml
obeyed
