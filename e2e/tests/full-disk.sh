#!/bin/bash
# A full disk leaves every file as it was, and nothing half-made beside it.
# machines: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au limits set --mem 512M
ok as alice au net restrict --allow pypi.org
as alice mkdir proj
# full FOLDER puts what is in a folder on a file system of its own without a free byte; free FOLDER takes that away again.
full() {
	cp -a "$1" /run/kept
	mount -t tmpfs -o size=1m,mode="$(stat -c %a "$1")",uid="$(stat -c %u "$1")",gid="$(stat -c %g "$1")" tmpfs "$1"
	cp -a /run/kept/. "$1"
	rm -rf /run/kept
	dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
	find "$1" -type f ! -name filler -exec sha256sum {} + | sort >/run/before
}
free() { umount "$1"; }
# same FOLDER sees whether a command left all files as they were.
same() {
	find "$1" -type f ! -name filler ! -name '*.lock' -exec sha256sum {} + | sort >/run/after
	diff <(grep -v '\.lock$' /run/before) /run/after || fail "the files in $1 should be as they were"
	[ -z "$(find / -xdev -name '*.new' 2>/dev/null; find "$1" -name '*.new*' -o -name '.new*')" ] || fail "a half-made file is left: $(find "$1" -name '*.new*')"
}

promise="the policies, and the record of limits"
full /etc/au
fails 1 as alice au grant -y bob
same /etc/au
fails 1 as alice au new -y --unlock nix
same /etc/au
fails 1 as alice au net allow github.com
same /etc/au
fails 1 as alice au limits set --mem 600M --tasks 300
same /etc/au
free /etc/au
ok as alice au info

promise="the units"
full /etc/systemd/system
fails 1 as alice au new -y -a second
same /etc/systemd/system
free /etc/systemd/system
[ ! -e /etc/au/agents/second ] || fail "the second agent should have been taken back"

promise="the entrypoint"
full /usr/local/libexec/au
fails 1 as alice au new -y -a third
same /usr/local/libexec/au
free /usr/local/libexec/au

promise="the config"
full /home/alice/.config
fails 1 as alice au mount add proj
same /home/alice/.config
free /home/alice/.config
ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'

promise="with room again, all of it works"
ok as alice au grant -y bob
ok as alice au mount add proj
ok as alice au limits set --mem 600M
ok as alice au run true
ok as alice au delete -y -H
