#!/bin/sh
# A path that cannot be shared is refused before anything changes, with one clear error.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
config=/home/alice/.config/agent-as-unix-user.toml
as alice mkdir -p proj/docs/en other .config/autostart
as alice sh -c 'touch file; ln -s /etc out'
install -d -o bob -m 755 /home/alice/bobs
install -d -o alice /srv/alice /tmp/alices

refused() { # TEXT ARGUMENTS…
	text=$1
	shift
	cp "$config" /run/before
	fails 1 as alice au mount add "$@"
	complains "$text"
	[ "$(grep -vc 'au: hint' /run/e2e/err)" = 1 ] || fail "one error, and no more"
	cmp -s "$config" /run/before || fail "the config should be as it was"
}
refused 'others can reach it' --rw /srv/alice
refused 'want a folder that you own' out
refused 'that is your whole home' /home/alice
refused 'that is your whole home' .
refused 'want a folder that you own' /
refused 'want a folder that you own' /home/bob
refused '/tmp is the system' /tmp/alices
refused 'a file can be shared read-only alone' --rw file
refused 'no such file or directory' nosuch
refused 'want a folder that you own: it belongs to uid 1001' bobs
refused 'want a folder inside the agent'"'"'s home /home/agent' proj /home/alice/x
refused 'want a folder inside the agent'"'"'s home /home/agent' proj ../x
refused 'want a folder inside the agent'"'"'s home /home/agent' proj /home/agent
refused 'want a folder inside the agent'"'"'s home /home/agent' proj /home/agent2/proj
refused 'says what the agent sees: share it without --rw' --rw .config
fails 2 as alice au mount add
fails 2 as alice au mount add --nosuch proj
fails 1 as alice au mount add -a nosuch proj
complains 'nosuch: no such agent'

promise="duplicates and overlaps that could not both hold are refused"
ok as alice au mount add --rw proj
refused 'it is shared already, read-write, at /home/agent/proj' proj
refused 'it is shared already' --rw proj elsewhere
refused 'the agent sees /home/alice/proj there already' other proj
refused 'cannot be read-only inside /home/alice/proj, which the agent can write' proj/docs
refused 'cannot be read-only inside /home/alice/proj, which the agent can write' proj/docs elsewhere
refused 'it is part of /home/alice/proj' --rw proj/docs
refused 'it would hide inside of share /home/alice/proj' other proj/inside
ok as alice au mount remove proj
ok as alice au mount add proj/docs
refused 'cannot be read-only inside /home/alice/proj, which the agent can write' --rw proj
refused 'it is part of /home/alice/proj' proj
refused 'it would hide docs of share /home/alice/other' other proj
ok as alice au mount add other proj/docs2
ok as alice au mount remove proj/docs
ok as alice au mount remove other

promise="a writable folder inside a read-only one holds, in any order"
ok as alice au mount add --rw proj/docs
ok as alice au mount add proj
ok as alice au run sh -c 'echo x > proj/docs/x && ! echo x > proj/x 2>/dev/null && ! mv proj/docs proj/away 2>/dev/null'
ok as alice au run sh -c 'echo x > proj/docs/en/x'
ok as alice sh -c 'cd proj/docs/en && au run pwd'
says_exactly /home/alice/proj/docs/en
fails 1 test -e /home/alice/proj/x
ok as alice au mount remove proj
ok as alice au mount remove proj/docs

promise="a home that others can enter takes no writable share, and the line to paste mends it"
chmod 755 /home/alice
refused 'others (mode 0755) can enter your home /home/alice' --rw proj
complains 'au: hint: chmod o-rwx /home/alice'
fails 125 as alice au run --rw proj true
complains 'can enter your home'
ok as alice au mount add proj
ok as alice au mount remove proj
chmod 750 /home/alice
ok as alice au mount add --rw proj
ok as alice au run true
chmod 711 /home/alice
fails 125 as alice au run true
complains 'others can enter your home'
chmod 750 /home/alice
chgrp users /home/alice
as alice au mount remove proj
usermod -aG users bob
refused 'others (group ' --rw proj
gpasswd -d bob users
chgrp alice /home/alice
setfacl -m u:agent:x /home/alice
refused 'others (ACL user:' --rw proj
complains 'au: hint: setfacl --remove user:'
setfacl -b /home/alice

promise="a run sees what mount add sees: a group and an ACL that came later"
ok as alice au mount add --rw proj
ok as alice au run true
setfacl -m u:bob:x /home/alice
fails 125 as alice au run true
complains 'others can enter your home /home/alice (ACL user:'
complains 'au: hint: setfacl --remove user:'
setfacl -b /home/alice
ok as alice au run true
chgrp users /home/alice
usermod -aG users bob
chmod 750 /home/alice
fails 125 as alice au run true
complains 'others can enter your home /home/alice (group '
gpasswd -d bob users
ok as alice au run true
chgrp alice /home/alice
as alice au mount remove proj
chmod 755 /home/alice
sed -i '1i disable_home_access_check = true\n' "$config"
ok as alice au mount add --rw proj
ok as alice au run true
ok as alice au mount remove proj
sed -i 1,2d "$config"
chmod 700 /home/alice

promise="a folder that others reach by another path takes no writable share, and the line to paste mends it"
mkdir /srv/www
mount --bind /home/alice/proj /srv/www
refused 'others can reach it at /srv/www as well' --rw proj
complains 'au: hint: sudo mount -o remount,bind,nosuid /srv/www'
fails 125 as alice au run --rw proj true
complains 'others can reach it at /srv/www as well'
refused 'others can reach it at /srv/www/docs as well' --rw proj/docs
ok as alice au mount add proj
ok as alice au mount remove proj
mount -o remount,bind,nosuid /srv/www
ok as alice au mount add --rw proj
ok as alice au mount remove proj
umount /srv/www

promise="where the other mount came later, a run has the share read-only and says so, whichever program starts it, and au info names it"
ok as alice au mount add --rw proj
ok as alice au run touch proj/before
ok as alice au info
mount --bind /home/alice/proj /srv/www
for au in au /usr/local/libexec/au/au-complete; do
	fails 1 as alice sh -c "cd proj && $au run touch after"
	complains 'read-only in this run: others can reach it at /srv/www as well'
	complains 'au: hint: sudo mount -o remount,bind,nosuid /srv/www'
	complains 'Read-only file system'
done
ok as alice au run cat proj/before
fails 125 as alice au run --rw proj true
complains 'others can reach it at /srv/www as well'
fails 1 as alice au info
says 'is read-only in runs: others can reach it at /srv/www as well'
mount -o remount,bind,nosuid /srv/www
ok as alice sh -c 'cd proj && au run rm before'
[ -z "$(cat $e2e/err)" ] || fail "nothing should be said any more"
ok as alice au info
umount /srv/www
ok as alice au mount remove proj
promise="and a mount that others do not reach is none of it"
install -d -m 700 /srv/shut /srv/shut/www
mount --bind /home/alice/proj /srv/shut/www
ok as alice au mount add --rw proj
ok as alice au mount remove proj
umount /srv/shut/www
install -d -o bob -m 700 /srv/bobs /srv/bobs/www
mount --bind /home/alice/proj /srv/bobs/www
refused 'others can reach it at /srv/bobs/www as well' --rw proj
umount /srv/bobs/www
rm -r /srv/www /srv/shut /srv/bobs

promise="a file system that cannot be shown under another owner is refused by name"
as alice mkdir -p box/lower box/upper box/work box/merged
mount -t overlay overlay -o lowerdir=/home/alice/box/lower,upperdir=/home/alice/box/upper,workdir=/home/alice/box/work /home/alice/box/merged
refused 'its file system, overlay, cannot be shown under another owner' box/merged
complains 'au: hint: au mount add --agent agent --acl /home/alice/box/merged'
refused '/home/alice/box/merged, overlay, is mounted in it and cannot be shown under another owner: unmount it' --rw box
fails 125 as alice au run --ro box/merged true
umount /home/alice/box/merged
ok as alice au mount add box

promise="a place that runs by itself gets a warning"
ok as alice au mount add --rw .config/autostart
complains 'au: warning: '
complains 'your desktop starts the programs there'
