#!/bin/sh
# au info names whatever is not as au new left it, with the command that mends it; au new mends it.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
entrypoint=/usr/local/libexec/au/agent/su_as_agent

mended() {
	ok as alice au new -y
	ok as alice au info
	ok as alice au run true
}
json_broken() { fails 1 as alice au info --json; says '"healthy": false'; }

check() { problem=$1; shift; promise="au info sees: $problem"; ok "$@"; fails 1 as alice au info; says "$problem"; json_broken; mended; }
check 'has mode 0700 where 2770 is right' chmod 0700 /home/agent
check 'lost its setgid bit' chmod 00770 /home/agent
check 'lost entries of its ACL' setfacl -m d:m::r-x /home/agent
check 'lost entries of its ACL' setfacl -b /home/agent
check 'missing home' mv /home/agent /home/elsewhere
check 'missing entrypoint' rm $entrypoint
check 'is not set-uid' chmod 0750 $entrypoint
check 'is not a file that root owns' chown bob $entrypoint
check 'not 4750' chmod 4755 $entrypoint
check 'the SHA-256' sh -c "printf x >> $entrypoint; chmod 4750 $entrypoint"
check 'lost entries of its ACL' setfacl -b $entrypoint
check 'not a member of "su-as-agent"' gpasswd -d alice su-as-agent
check 'missing unit' sh -c 'systemctl disable au-agent.service; systemctl stop "user-$(id -u agent).slice"; rm /etc/systemd/system/au-agent.service; systemctl daemon-reload'
check 'is not enabled' systemctl disable au-agent.service
check 'does not name the cgroups of the running unit' sed -i '/^cgroup/d' /etc/au/agents/agent

promise="au info sees the agent in the humans' group"
ok gpasswd -a agent su-as-agent
fails 1 as alice au info
says 'which is for humans only'
says 'hint: sudo gpasswd --delete agent su-as-agent'
ok gpasswd --delete agent su-as-agent
ok as alice au info

promise="a home that others can enter is warned of, until the config says not to"
chmod 0755 /home/alice
ok as alice au info
complains 'warning: others can enter /home/alice'
complains 'hint: chmod o-rwx /home/alice'
as alice sed -i '1i disable_home_access_check = true' .config/agent-as-unix-user.toml
ok as alice au info
[ ! -s "$e2e/err" ] || fail "it should have been silent on standard error"
