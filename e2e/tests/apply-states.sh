#!/bin/sh
# What au export prints changes nothing, for root and for the human, however the agents' shares and settings are.
# machines: none
# machines by hand: trixie bookworm
# timeout: 1200
. /opt/e2e/lib.sh
for who in alice bob; do
	chmod 0700 /home/$who
	as $who mkdir code books work 'odd é'"'"'"$x'
done
config=/home/alice/.config/agent-as-unix-user.toml

# same STATE: au apply of what au export prints changes nothing.
same() {
	promise="what au export prints changes nothing: $1"
	snapshot
	ok sh -c 'env -u SUDO_USER au export >/root/now.toml'
	ok sh -c 'env -u SUDO_USER au apply -y --prune --detailed-exitcode /root/now.toml'
	says "nothing to do"
	ok as alice sh -c 'au export >now.toml'
	ok as alice au apply -y --prune --detailed-exitcode now.toml
	says "nothing to do"
	rm /home/alice/now.toml
	unchanged before
}

ok as alice au new -y
same "an agent as au new makes it"

ok as alice au mount add --rw --acl code
ok as alice au mount add --acl books
same "shares by ACL"
ok as alice au mount remove books
ok as alice au mount remove code

as alice sh -c 'echo x >code/.env; echo x >code/a.key; echo x >books/secret'
ok as alice au mount add --draft --hide '*.key' --hide notes code
ok as alice au run -d code -- sh -c 'echo x >draft'
ok as alice au mount add --hide secret books
ok as alice au mount add --draft --show-secrets work
ok as alice au run --draft 'odd é'"'"'"$x' --as mine -- true
same "drafts, and hidden names"

ok as alice au mount add --target-only --rw 'odd é'"'"'"$x' elsewhere/there
ok as alice au mount remove work
ok as alice mkdir -p work/bin
ok as alice au mount add --rw work
ok as alice au path add work/bin
sed -i '/^user_name = "agent"/a keep_env = ["TZ", "LC_*"]\nset_env = ["A=b c", "B=it'"'"'s \\"x\\" \\\\ $HOME", "C=é=", "D="]' $config
ok as alice au run -- sh -c 'echo "$B"'
says_exactly 'it'"'"'s "x" \ $HOME'
same "variables, folders on the PATH, and shares with odd names"

ok as alice rmdir work/bin
same "a folder on the PATH that is gone"
as alice sh -c 'mv work work.away'
same "a share that is gone"
as alice sh -c 'mv work.away work; mkdir work/bin'
mount -t tmpfs none /home/alice/books
same "a share that something of root's is mounted on"
umount /home/alice/books
mkdir -p /srv/also
chmod 755 /srv/also
mount --bind /home/alice/work /srv/also
same "a share that is reached by another path"
umount /srv/also
