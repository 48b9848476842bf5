#!/bin/sh
# `au doctor` finds nothing broken on a machine with new agents; each thing that is broken it names by its ID; --fix mends what can be mended.
# machines: trixie
# machines by hand: bookworm true
# timeout: 2400
. /opt/e2e/lib.sh
# ids prints ID:AGENT of every finding.
ids() { { as alice /usr/local/bin/au doctor --json || true; } | python3 -c 'import json,sys; print(*sorted("%s:%s" % (f["id"], f.get("agent","")) for f in json.load(sys.stdin)["findings"]), sep="\n")'; }
tiocsti=/proc/sys/dev/tty/legacy_tiocsti
echo 0 >/run/zero
[ ! -e $tiocsti ] || mount --bind /run/zero $tiocsti # it is the kernel's, and so the host's
for a in agent b c d e f; do ok as alice au new -y -a $a; done
promise="nothing is broken right after au new"
ok as alice /usr/local/bin/au doctor
says "0 broken,"
ids >/run/before
wanted=

# wreck ID AGENT COMMAND... — COMMAND breaks the machine so that doctor has to name ID of that agent (- for the machine).
wreck() {
	id=$1 of=$2
	shift 2
	ok "$@"
	wanted="$wanted $id:${of#-}"
}
# named sees that doctor names all that was wrecked since, and that it exits with STATUS; a text has each, too.
named() {
	promise="doctor names what is wrong:$wanted"
	ids >/run/now
	for w in $wanted; do grep -qxF -- "$w" /run/now || fail "doctor does not name $w, but: $(tr '\n' ' ' </run/now)"; done
	fails "$1" as alice /usr/local/bin/au doctor
	for w in $wanted; do says " ${w%%:*}: "; done
}
# mended sees that nothing is named that was not there before.
mended() {
	promise="this is mended:$wanted"
	ids | diff /run/before - >/run/differs || fail "doctor named before (<) and names now (>): $(cat /run/differs)"
	wanted=
}
# fixed does so after --fix.
fixed() {
	promise="doctor --fix mends:$wanted"
	e2e_run as alice /usr/local/bin/au doctor --fix -y
	mended
}
entry() { echo /usr/local/libexec/au/$1/su_as_agent; }

wreck entrypoint-missing agent rm "$(entry agent)"
wreck entrypoint-setuid b chmod u-s "$(entry b)"
wreck entrypoint-mode c chmod o+x "$(entry c)"
wreck entrypoint-changed d sh -c "echo >>$(entry d); chmod 4750 $(entry d)"
wreck entrypoint-acl e setfacl --remove-all "$(entry e)"
wreck entrypoint-owner f chown daemon "$(entry f)"
wreck group-strong agent sh -c 'groupadd --force docker && gpasswd --add agent docker'
wreck group-agent b gpasswd --add b su-as-b
wreck login-expiry c usermod --expiredate 99999 c
wreck login-shell d usermod --shell /bin/bash d
wreck login-lingers e sh -c 'mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/e'
wreck unit-disabled f systemctl disable au-f.service
named 1
fixed

wreck home-mode agent chmod 2777 /home/agent
wreck home-setgid b chmod g-s /home/b
wreck home-acl c setfacl --remove-default /home/c
wreck home-missing d mv /home/d /home/d.away
wreck group-human e gpasswd --delete alice su-as-e
wreck group-missing f groupdel su-as-f
wreck unit-missing agent rm /etc/systemd/system/au-agent.service
wreck unit-stopped b systemctl stop "user-$(id -u b).slice"
wreck unit-old c sed -i '/^RefuseManualStop=/d' /etc/systemd/system/au-c.service
wreck unit-beside e rm /etc/tmpfiles.d/au-e.conf
wreck login-cron agent sh -c 'echo daemon >/etc/at.deny'
named 1
fixed
rm -rf /home/d.away


wreck group-other agent groupmod --gid 4321 su-as-agent
wreck account-group b usermod --gid nogroup b
wreck policy-old b sed -i 's/^au-policy .*/au-policy 1/' /etc/au/agents/b
wreck policy-old c sed -i '/^hide .run.docker.sock$/d' /etc/au/agents/c
wreck homes-visible c sh -c 'useradd --create-home --base-dir /srv wanderer'
wreck cgroups-other d sed -i 's/^cgroup .*/cgroup nowhere/' /etc/au/agents/d
cp -p "$(entry e)" /home/e/copy
wreck home-setid e sh -c 'chown e: /home/e/copy && chmod 4755 /home/e/copy'
wreck account-missing f userdel f
ok sh -c 'useradd dave && runuser -l alice -c "au grant -a b -y dave" && userdel dave'
wreck human-gone b true
wreck home-open - chmod 755 /home/alice
wreck machine-tiocsti - sh -c 'echo 1 >/run/zero'
wreck machine-folder - chmod a-t /var/tmp
named 1
fixed
wreck home-open - setfacl -m u:bob:x /home/alice
wreck entrypoint-old agent sh -c 'echo >>/usr/local/libexec/au/su_as_agent'
named 0
fixed

# What needs a person is mended by hand here.
wreck policy-missing b mv /etc/au/agents/b /run/b
wreck policy-unreadable c sh -c 'cp -p /etc/au/agents/c /run/c && echo nonsense >>/etc/au/agents/c'
wreck account-other d usermod --uid 4999 d
uid=$(id -u e)
wreck uid-reused e sh -c "userdel e && useradd --uid $uid thief"
wreck home-owner f chown daemon /home/f
wreck entrypoint-way agent chmod o+w /usr/local/libexec
wreck machine-folder - true
named 1
ok sh -c "mv /run/b /etc/au/agents/b; mv /run/c /etc/au/agents/c; usermod --uid $(sed -n 's/^uid //p' /etc/au/agents/d) d; userdel thief; chown f /home/f; chmod o-w /usr/local/libexec"
ok as alice au new -y -a e
mended
wreck entrypoint-nosuid agent sh -c 'mount --bind /usr/local /usr/local && mount -o remount,bind,nosuid /usr/local'
named 1
ok umount /usr/local
mended
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
for a in c d e f; do ok as alice au delete -y -H -a $a; done

# Shares, of agent; what limits and networks lack, of b.
as alice mkdir -p project covered gone
ok as alice au mount add --rw project
ok as alice au mount add covered
ok as alice au mount add --rw gone
ok as alice au limits set -a b --tasks 500
ids >/run/before
wreck share-planted agent as alice au run -d project -- sh -c 'git init -q . && git config core.fsmonitor ./x'
wreck share-missing agent as alice rmdir gone
wreck share-covered agent mount -t tmpfs none /home/alice/covered
wreck share-key agent as alice sh -c "sed -i '/^source = .*covered/a colour = 1' ~/.config/agent-as-unix-user.toml"
wreck share-reached agent sh -c 'mkdir -p /srv/also && chmod 755 /srv/also && mount --bind /home/alice/project /srv/also'
pids=$(ls -d /sys/fs/cgroup/user.slice/user-"$(id -u b)".slice /sys/fs/cgroup/pids/user.slice/user-"$(id -u b)".slice 2>/dev/null | head -n 1)/pids.max
wreck limit-unheld b sh -c "echo 600 >$pids"
wreck sudo-rule agent sh -c "printf 'agent ALL=(ALL) NOPASSWD: /bin/true\n' >/etc/sudoers.d/agent"
promise="what only root sees is said to need root, and root sees it"
fails 1 au --human alice doctor
says "broken sudo-rule: agent agent: sudoers lets the agent run:"
ok rm /etc/sudoers.d/agent
wanted=$(echo "$wanted" | sed 's/ sudo-rule:agent//')
named 1
ok sh -c "umount /srv/also /home/alice/covered; rm -r ~alice/project/.git; runuser -l alice -c 'mkdir gone; sed -i /^colour/d ~/.config/agent-as-unix-user.toml'; echo 500 >$pids"
mended
promise="--fix is for the human"
fails 1 au --human alice doctor --fix -y
complains 'is for "alice", not for root'

ok as alice au net restrict -a b --allow 192.0.2.7
# There has to be a way out that the rules close.
ok sh -c 'ip link add out0 type veth peer name out1 && ip link set out1 up && ip link set out0 up && ip addr add 198.51.100.9/24 dev out0 && ip route add default dev out0 metric 4000'
ids >/run/before
uid=$(id -u b)
wreck net-open b sh -c "systemctl stop au-net-watch@b.service; nft delete table inet au_net_$uid; rm -f /etc/systemd/system/user-$uid.slice.d/au-net.conf; systemctl daemon-reload"
wreck net-down b true
named 1
fixed
wreck net-down b systemctl stop au-net-watch@b.service
wreck net-outdated b sh -c 'cd /usr/local/libexec/au/b && cp au newer && printf x >>newer && mv -T newer au'
named 1
fixed
ok as alice au new -y -a c --unlock resolver
ids >/run/before
wreck net-warning c as alice au net restrict -a c --allow 192.0.2.7
named 0
ok as alice au net off -a c
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
for left in /usr/local/libexec/au/c/su_as_agent /etc/systemd/system/au-net@c.service /etc/systemd/system/run-au-c.mount /etc/systemd/system/user-4998.slice.d/au-net.conf /var/log/au/c/log \
	/etc/au/net/c.toml /etc/au/limits/c /run/au/c/tmp; do
	mkdir -p "${left%/*}"
	: >"$left"
done
echo "# The temporary files of the agent c." >/etc/tmpfiles.d/au-c.conf
echo "Description=Processes of the agent c" >/etc/systemd/system/au-c.service
wreck left-behind - true
named 0
says "left-behind: /usr/local/libexec/au/c is"
[ "$(grep -c '^advice left-behind' "$e2e/out")" = 10 ] || fail "it should name ten"
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

promise="of a large share doctor says how much of it there was time for"
as alice python3 -c '
import os
os.chdir(os.path.expanduser("~/project"))
for d in range(500):
    os.mkdir(f"{d:03}")
    for f in range(400): os.close(os.open(f"{d:03}/{f:03}", os.O_CREAT))'
ok as alice au doctor --json
# On a processor that is slow, a second is not enough for it.
e2e_run systemd-run --quiet --pipe --wait --uid=alice --property=CPUQuota=10% au doctor
says 'not all was looked at: share /home/alice/project: '
rm -r /home/alice/project/???

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
