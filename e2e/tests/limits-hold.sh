#!/bin/sh
# Limits hold with no au process about: after a reload, sessions that come and go, terminate-user, and a reboot.
# timeout: 1500
# machines: bookworm trixie
# machines by hand: true
# core: trixie
. /opt/e2e/lib.sh
cat >/usr/local/share/hog.py <<'END'
x = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
print("survived")
END
holds() {
	promise="the limit holds $*"
	fails 137 as alice au run python3 /usr/local/share/hog.py
	ok as alice sh -c 'au limits show --json | jq -r .limits.mem.text,.limits.tasks.text,.limits.cpu.text'
	says_exactly "128M
100
50%"
	slice=$(ls -d /sys/fs/cgroup/memory/user.slice/user-"$(id -u agent)".slice /sys/fs/cgroup/user.slice/user-"$(id -u agent)".slice 2>/dev/null | head -n 1)
	ok sh -c "cat $slice/memory.max $slice/memory.limit_in_bytes 2>/dev/null; true"
	says_exactly 134217728
	fails 1 pgrep -x au
}
case $STAGE in
1)
	ok as alice au new -y --cpu 50% --mem 128M --tasks 100
	holds "at first"
	ok systemctl daemon-reload
	holds "after daemon-reload"
	ok systemctl daemon-reexec
	holds "after daemon-reexec"
	# The agent cannot log in itself; a session of its uid is what a login would be, and without a lock it has services of its own.
	ok sh -c 'rm -r /etc/systemd/system/user@$(id -u agent).service.d && systemctl daemon-reload'
	ok usermod --expiredate '' agent
	ok runuser -l -s /bin/sh agent -c 'cat /proc/self/cgroup'
	says "user-$(id -u agent).slice/session-"
	ok usermod --expiredate 1 agent
	holds "after a login session of the agent came and went"
	ok usermod --expiredate '' agent
	ok loginctl enable-linger agent
	soon systemctl is-active "user@$(id -u agent).service"
	ok loginctl terminate-user agent
	ok loginctl disable-linger agent
	soon systemctl is-active au-agent.service
	ok usermod --expiredate 1 agent
	ok as alice au new -y
	holds "after loginctl terminate-user"
	reboot_machine
	;;
2)
	holds "after a reboot"
	ok as alice au limits reset
	reboot_machine
	;;
3)
	promise="a reset holds after a reboot too"
	ok as alice au run python3 /usr/local/share/hog.py
	says survived
	ok as alice sh -c 'au limits show --json | jq -r .limits.mem.text'
	says_exactly infinity
	;;
esac
