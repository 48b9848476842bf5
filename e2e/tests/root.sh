#!/bin/sh
# Run as root, au acts for the human it is told, and writes their config as them.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
snapshot
ok env -u SUDO_USER au --human alice new -y
says_not sudo
ok stat -c '%U:%G %a' /home/alice/.config/agent-as-unix-user.toml
says_exactly 'alice:alice 600'
ok as alice au run id -un
says_exactly agent
ok env -u SUDO_USER au --human alice run id -un
says_exactly agent
ok env SUDO_USER=alice au run id -un
says_exactly agent
fails 125 env -u SUDO_USER au run id
fails 125 env -u SUDO_USER au --human carol run id
ok as alice sudo au info
says_not BROKEN
ok env SUDO_USER=alice au delete -y -H
unchanged before '/home/alice/\.config' '/usr/local/libexec( |$)'

promise="a human's folder that is a trap for root is followed as the human only"
rm -rf /home/alice/.config
as alice ln -s /etc /home/alice/.config
fails 1 env -u SUDO_USER au --human alice new -y
fails 1 test -e /etc/agent-as-unix-user.toml

promise="root says why it knows nothing of the human's drafts"
as alice sh -c 'rm .config && mkdir .config && ln -s /root/x .config/agent-as-unix-user.toml'
e2e_run env -u SUDO_USER au --human alice list
complains 'au: drafts of "alice": configuration: open /root/x: permission denied'
