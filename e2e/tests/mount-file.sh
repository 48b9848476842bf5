#!/bin/sh
# A file that is the human's is shared read-only, at its own path and in the agent's home, and nothing beside it is.
# machines: trixie
# machines by hand: bookworm
# flavour: node
. /opt/e2e/lib.sh
ok as alice au new -y
config=/home/alice/.config/agent-as-unix-user.toml
as alice sh -c 'umask 077; git config --global user.email alice@example; echo registry=http://localhost:9/ >.npmrc; mkdir -p conf/d; echo one >conf/d/f; echo other >conf/other'
ok as alice au mount add .gitconfig
says 'Shared: agent agent sees /home/alice/.gitconfig read-only at that path and at /home/agent/.gitconfig'
ok as alice au mount add .npmrc
ok as alice au mount add conf/d/f
ok as alice au run sh -c 'git config user.email; npm config get registry; ls -A /home/alice /home/alice/conf /home/alice/conf/d; cat /home/alice/conf/d/f ~/conf/d/f'
says_exactly 'alice@example
http://localhost:9/
/home/alice:
.gitconfig
.npmrc
conf

/home/alice/conf:
d

/home/alice/conf/d:
f
one
one'
ok as alice au run stat -c '%U %a' /home/alice/.gitconfig /home/agent/.gitconfig
says_exactly 'agent 600
agent 600'

promise="the agent cannot change it, at either place, and not what it is called"
for place in /home/alice/.gitconfig /home/agent/.gitconfig; do
	for change in "tee $place" "rm $place" "mv $place $place.x" "truncate -s 0 $place" "chmod 666 $place" "ln -f /etc/hostname $place"; do
		fails 1 as alice au run $change
	done
	ok as alice au run sh -c "! git config --file $place user.name x 2>/dev/null"
done
ok as alice git config --global user.email
says_exactly alice@example
[ "$(stat -c %a /home/alice/.gitconfig)" = 600 ] || fail "its mode should be as it was"

promise="what the human saves by another file in its place is there in the next run"
ok as alice git config --global user.email new@example
ok as alice au run git config user.email
says_exactly new@example

promise="list, JSON, info and check name it; the config is as for a folder"
ok as alice au mount list
says '/home/alice/.gitconfig -> /home/agent/.gitconfig [ro, file]'
ok as alice sh -c 'au mount list --json | jq -c ".[0] | [.source, .target, .read_only, .same_path, .missing, .file]"'
says_exactly '["/home/alice/.gitconfig","/home/agent/.gitconfig",true,true,false,true]'
ok as alice au info
says /home/alice/.gitconfig
ok grep -A2 'source = "/home/alice/.gitconfig"' $config
says 'read_only = true'
ok as alice au mount check .npmrc
says '/home/alice/.npmrc: nothing found, 1 files'
as alice sh -c 'ln conf/d/f conf/second; chmod g+s conf/d/f'
fails 1 as alice au mount check
says 'f (2 names, 1 of them here)'
says 'f (mode 2600)'
fails 1 as alice sh -c 'au mount check --json conf/d/f'
says '"kind": "hard-link"'
as alice sh -c 'rm conf/second; chmod 600 conf/d/f'

promise="for one run, with --ro"
ok as alice au run --ro conf/other cat /home/alice/conf/other
says_exactly other
fails 1 as alice au run cat /home/alice/conf/other
fails 125 as alice au run --rw conf/other true
complains 'a file can be shared read-only alone'

promise="--target-only keeps it to its target"
ok as alice au mount add --target-only .npmrc
ok as alice au run sh -c 'ls -A /home/alice; npm config get registry'
says_exactly '.gitconfig
conf
http://localhost:9/'

promise="to write, through ACLs, or what is not a file, is refused with the reason, and nothing has changed"
refused() { # TEXT ARGUMENTS…
	text=$1
	shift
	cp $config /run/before
	fails 1 as alice au mount add "$@"
	complains "$text"
	ok cmp $config /run/before
}
refused 'save by putting another file in its place, which a mount of it refuses (Device or resource busy)' --rw conf/other
refused 'a file can be shared read-only alone' --rw .gitconfig
refused '--acl is for folders' --acl conf/other
as alice sh -c 'mkfifo pipe; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")"; ln -s /etc/hostname link'
for special in pipe socket; do refused 'want a folder, or a regular file' $special; done
refused 'want a file that you own' link
install -o bob -m 644 /dev/null /home/alice/bobs
refused "want a file that you own: it belongs to uid $(id -u bob)" bobs
refused 'want a file that you own: it belongs to uid 0' /etc/hostname
install -d -o alice -g alice -m 700 /home/alice/rw
ok as alice au mount add --rw rw
as alice touch rw/f
refused 'it cannot be read-only inside /home/alice/rw' rw/f
refused 'the agent sees /home/alice/.gitconfig there already' conf/other .gitconfig
as alice mkdir dir
refused 'it would hide' dir .gitconfig/x

promise="a link that an agent may have planted is not followed, when it is added or later"
ok as alice au run sh -c 'ln -s ../conf/other /home/agent/rw/planted'
refused 'may have put it there' rw/planted
ok as alice au mount remove conf/d/f
ok as alice au mount add conf/d/f
as alice sh -c 'rm conf/d/f; ln -s ../other conf/d/f'
ok as alice au run ls -A /home/alice
says_exactly ".gitconfig
rw"
complains 'share /home/alice/conf/d/f is left out of this run: a symbolic link is in its place'
complains 'hint: au mount remove --agent agent /home/alice/conf/d/f'
for other in 'mkfifo conf/d/f' 'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"conf/d/f\")"'; do
	as alice sh -c "rm conf/d/f; $other"
	ok timeout 120 runuser -u alice -- au run true
	complains 'left out of this run: want a folder or a regular file'
done
as alice rm conf/d/f
ok as alice au mount list
says '[ro] (missing)'
ok as alice au run true
complains 'it is not there any more'
fails 125 as alice au run --ro conf/d/f true

promise="a config that says read-write gives no file to write in"
as alice sh -c 'echo again >conf/d/f'
sed -i '/conf\/d\/f"/,/read_only/s/read_only = true/read_only = false/' $config
ok as alice au run sh -c '! cat /home/alice/conf/d/f 2>/dev/null'
complains 'left out of this run: a file can be shared read-only, and this share is read-write'
ok as alice au mount remove conf/d/f

promise="what the agent has at the target is hidden while the share is there, and what it is not to be covered with is named"
ok as alice au mount remove .npmrc
ok as alice au run sh -c 'echo own >/home/agent/.own; mkdir -p /home/agent/.dir'
as alice sh -c 'echo shared >.own; echo shared >.dir'
ok as alice au mount add .own
ok as alice au run cat /home/agent/.own
says_exactly shared
ok as alice au mount remove .own
ok as alice au run cat /home/agent/.own
says_exactly own
ok as alice au mount add .dir
ok as alice au run true
complains 'share target .dir: .dir: want a file of the agent'
ok as alice au mount remove .dir

promise="outside the home, where no one else can put another in its place"
install -d -m 700 /home/.srv && install -d /home/.srv/in /srv/in && mount --bind /home/.srv/in /srv/in
install -d -o alice -m 755 /srv/in/app
as alice sh -c 'echo out >/srv/in/app/f'
ok as alice au mount add /srv/in/app/f
ok as alice au run cat /srv/in/app/f /home/agent/srv/in/app/f
says_exactly 'out
out'
fails 1 as alice au run tee /srv/in/app/f
chmod 777 /srv/in
fails 125 as alice au run true
complains 'share "/srv/in/app/f": /srv/in, above it, can be written by others'
chmod 755 /srv/in
ok as alice au mount remove /srv/in/app/f
umount /srv/in
