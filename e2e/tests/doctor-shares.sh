#!/bin/sh
# `au doctor` names by its ID whatever is wrong with shares, limits, rights and networks of agents, and no more once it is mended.
# machines: trixie
# machines by hand: bookworm true
# timeout: 2400
. /opt/e2e/lib.sh
. /opt/e2e/tests/doctor/lib.sh
healthy agent b

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
e2e_run au --human alice doctor
says_not "sudo-rule"
wanted=$(echo "$wanted" | sed 's/ sudo-rule:agent//')
named 1
says_not "config-key"
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
wreck net-outdated b sed -i "s,^ListenStream=127.0.0.1:.*,," /etc/systemd/system/au-net@b.socket
named 0
says "au-net@b.socket differs from that of this au"
fixed
wreck unit-added b sh -c "printf '[Slice]\nIPEgressFilterPath=\n' >/etc/systemd/system/user-$uid.slice.d/zz.conf"
ok sh -c "mkdir /run/systemd/system/au-net@.service.d && printf '[Service]\nUser=root\n' >/run/systemd/system/au-net@.service.d/root.conf"
named 1
says '/run/systemd/system/au-net@.service.d/root.conf changes au-net@b.service: User'
sed -n 's/^  hint: \(sudo sh\)/\1/p' "$e2e/out" >/run/lines
ok sh /run/lines
mended
ok as alice au new -y -a c --unlock resolver
ids >/run/before
wreck net-warning c as alice au net restrict -a c --allow 192.0.2.7
named 0
ok as alice au net off -a c
mended

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
