#!/bin/sh
# `au doctor` names by its ID whatever is wrong with the machine, or left of agents that are gone, and no more once it is mended.
# machines: trixie
# machines by hand: bookworm true
# timeout: 2400
. /opt/e2e/lib.sh
. /opt/e2e/tests/doctor/lib.sh
healthy agent b c
mkdir -p /home/old
wreck original old as alice sh -c 'cp ~/.config/agent-as-unix-user.toml ~/kept; printf "[[agents]]\nuser_name = \"old\"\nentrypoint = \"/home/old/su_as_agent\"\nsu_as_agent_group = \"su-as-old\"\nnonsense = 1\n" >>~/.config/agent-as-unix-user.toml'
wreck config-key - true
wreck rival-au - as alice sh -c 'mkdir -p bin && cp /bin/true bin/au'
for what in stat:'stat (uutils coreutils) 0.2.2' systemctl:'systemd 259 (259.1-1)'; do
	printf '#!/bin/sh\n[ "$*" != --version ] || { echo "%s"; exit; }\nexec /usr/bin/%s "$@"\n' "${what#*:}" "${what%%:*}" >/usr/local/bin/"${what%%:*}"
	chmod 755 /usr/local/bin/"${what%%:*}"
done
wreck machine-coreutils - true
wreck machine-systemd - true
wreck machine-hidepid - mount -o remount,hidepid=2 /proc
named 1
ok sh -c 'rm /usr/local/bin/stat /usr/local/bin/systemctl; mount -o remount,hidepid=0 /proc; rm -r /home/old ~alice/bin/au; mv ~alice/kept ~alice/.config/agent-as-unix-user.toml'
mended
: >/run/empty
echo 0 >/run/none
wreck machine-kernel - mount --bind /run/empty /proc/sys/kernel/seccomp/actions_avail
wreck machine-sockets - mount --bind /run/none /proc/sys/user/max_user_namespaces
controllers=/sys/fs/cgroup/cgroup.controllers
if [ -e $controllers ]; then
	wreck machine-controllers - sh -c "echo cpu memory >/run/some; mount --bind /run/some $controllers"
else
	controllers=/sys/fs/cgroup/pids
	wreck machine-controllers - mount -t tmpfs none $controllers
	wreck run-fails agent true # a run joins this one
fi
named 1
promise="a limit that no controller holds is refused"
fails 1 as alice au limits set --tasks 77
complains "the kernel's pids controller is switched off"
ok umount /proc/sys/kernel/seccomp/actions_avail /proc/sys/user/max_user_namespaces $controllers
mended

promise="a fault that the config silences is counted, and not shown"
ok as alice chmod 755 /home/alice
as alice sh -c 'f=~/.config/agent-as-unix-user.toml; cp $f ~/kept; { echo "silence = [\"home-open\"]"; cat ~/kept; } >$f'
ok as alice au doctor
says_not "home-open"
says "1 silenced"
ok as alice sh -c 'chmod 700 ~; mv ~/kept ~/.config/agent-as-unix-user.toml'

ok as alice au delete -y -H -a c
ids >/run/before
for left in /usr/local/libexec/au/c/su_as_agent /etc/systemd/system/au-net@c.service /etc/systemd/system/run-au-c.mount /etc/systemd/system/user-4998.slice.d/au-net.conf /etc/systemd/system/user@4998.service.d/au.conf /var/log/au/c/log \
	/etc/au/net/c.toml /etc/au/limits/c /run/au/c/tmp /etc/systemd/system/au-net-watch.service /usr/local/libexec/au-net/au /etc/systemd/system.control/user-4998.slice.d/50-TasksMax.conf; do
	mkdir -p "${left%/*}"
	: >"$left"
done
echo "# The temporary files of the agent c." >/etc/tmpfiles.d/au-c.conf
echo "Description=Processes of the agent c" >/etc/systemd/system/au-c.service
ln -s /etc/systemd/system/au-gone.service /etc/systemd/system/multi-user.target.wants/
wreck left-behind - true
named 0
says "left-behind: /usr/local/libexec/au/c belongs to an agent that is gone"
says "left-behind: /etc/systemd/system/multi-user.target.wants/au-gone.service belongs to an agent that is gone"
says "left-behind: /etc/systemd/system.control/user-4998.slice.d limits a uid that no user has"
says "left-behind: /etc/systemd/system/au-net-watch.service is for agents with a restricted network, and there is none"
[ "$(grep -c '^advice left-behind' "$e2e/out")" = 15 ] || fail "it should name fifteen"
as alice au doctor | sed -n 's/^  hint: \(sudo rm\)/\1/p' >/run/lines
ok sh /run/lines
mended

promise="root sees rules that are loaded for a uid which no agent has, and takes no others away"
ok nft add table inet au_net_4998
ok nft add table inet au_net_4998_in
ok iptables -N au-net-4998
ok iptables -A OUTPUT -m owner --uid-owner 4998 -j au-net-4998
e2e_run au --human alice doctor
says 'network rules for uid 4998, which no agent has, are loaded'
[ "$(grep -c '^advice left-behind' "$e2e/out")" = 1 ] || fail "it should be one"
line=$(sed -n 's/^  hint: \(sudo \)\{0,1\}\(au net unload.*\)/\2/p' "$e2e/out")
fails 1 au net unload --uid "$(id -u b)"
fails 2 au net unload
fails 1 as alice au net unload --uid 4998
ok sh -c "${line:?}"
fails 1 sh -c 'nft list tables | grep 4998 || iptables-save | grep 4998'
e2e_run au --human alice doctor
says_not 4998

promise="doctor ends where systemd does not answer, or is not there"
ok as alice au delete -y -H -a b
ids >/run/before
mount -t tmpfs none /run/systemd
wreck machine-units - true
named 0
ok umount /run/systemd
mended
bus=$(systemctl show --value --property=MainPID dbus.service)
ok kill -STOP "$bus" # no session could begin now
fails 1 setpriv --reuid=alice --regid=alice --init-groups au doctor
says "broken systemd-silent: agent agent: systemd does not answer"
ok kill -CONT "$bus"
mended
