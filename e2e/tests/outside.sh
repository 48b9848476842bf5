#!/bin/sh
# A folder of the human's outside the home is shared as one in it, where no one else can put another in its place; to write, where no one else gets to it.
# machines: trixie
# machines by hand: bookworm true true-bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
# On the file system of the homes, which can be shown under another owner; where it is mounted from is closed.
for place in data srv/code; do
	install -d -m 700 "/home/.$place"
	install -d "/home/.$place/in" "/$place"
	mount --bind "/home/.$place/in" "/$place"
done
install -d -o alice -g alice -m 755 /srv/code/app
install -d -o alice -g alice -m 700 /data/alice
as alice sh -c 'echo hello >/srv/code/app/file; mkdir -m 755 /data/alice/proj'

ok as alice au mount add /srv/code/app
says 'sees /srv/code/app read-only at that path and at /home/agent/srv/code/app'
ok as alice sh -c 'cd /srv/code/app && au run sh -c "pwd; cat file; ! touch x 2>/dev/null; ls ~/srv/code/app"'
says_exactly '/srv/code/app
hello
file'

promise="to write, below a folder that only the human can enter"
fails 1 as alice au mount add --rw /srv/code/app
complains 'others can reach it'
ok as alice au mount add --rw /data/alice/proj
ok as alice sh -c 'cd /data/alice/proj && au run sh -c "pwd; echo made >made; ls -A /data /data/alice"'
says_exactly '/data/alice/proj
/data:
alice

/data/alice:
proj'
ok stat -c %U /data/alice/proj/made
says_exactly alice
ok as alice sh -c 'cd /data/alice/proj && git init -q . && au run git status --porcelain'

promise="a folder above that is opened later, or that others can write by now, ends that"
for change in 'chmod 711 /data/alice' 'setfacl -m u:bob:x /data/alice'; do
	ok as alice $change
	fails 125 as alice au run true
	complains 'share "/data/alice/proj": others can reach it now'
	as alice setfacl -b /data/alice
	as alice chmod 700 /data/alice
done
chmod 777 /srv/code
fails 125 as alice au run true
complains 'share "/srv/code/app": /srv/code, above it, can be written by others (mode 0777) by now'
fails 125 as alice au run --ro /srv/code/app true
chmod 755 /srv/code
chown bob /srv/code
fails 125 as alice au run true
complains "belongs to uid $(id -u bob) by now"
chown root /srv/code
ok as alice au run true

promise="what is not the human's alone to hand over is refused, and nothing has changed"
refused() {
	cp /home/alice/.config/agent-as-unix-user.toml /run/before
	fails 1 as alice au mount add "$2"
	complains "$1"
	ok cmp /home/alice/.config/agent-as-unix-user.toml /run/before
}
install -d -m 777 /data/open
install -d -o alice /data/open/alices
refused 'can be written by others (mode 0777)' /data/open/alices
install -d -o bob /data/bob
install -d -o alice /data/bob/alices
refused "belongs to uid $(id -u bob)" /data/bob/alices
install -d -o alice /data/people /usr/local/alices /tmp/alices
usermod -d /data/people/bob bob
install -d -o bob /data/people/bob
refused 'it holds the home /data/people/bob' /data/people
refused "/usr is the system's" /usr/local/alices
refused "/tmp is the system's" /tmp/alices
refused 'want a folder that you own' /srv
