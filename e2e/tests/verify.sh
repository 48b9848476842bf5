#!/bin/sh
# `au verify` attacks the isolation through the real entrypoint; on a machine as it should be all of it holds, and for each probe there is a fault that it sees.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# waits: yes
# mutants: hide proc temporary seal scopes ipc-namespace filter-socket filter-keyctl own-devices filter-fchmod share-read-only no-new-privs filter-clone ends-with-the-waiter cgroup-joined filter-tiocsti filter-tioclinux share-mapped
# timeout: 900
. /opt/e2e/lib.sh
policy=/etc/au/agents/agent
entry=/usr/local/libexec/au/agent/su_as_agent
config=/home/alice/.config/agent-as-unix-user.toml
ok as alice au new -y
ok as alice au limits set --tasks 500
as alice sh -c 'mkdir -p diary project'
ok as alice au mount add --rw project
cp -p $entry /run/whole

promise="all that is tried holds after au new, and nothing of it stays"
files() { as alice find . /home/agent /tmp /var/tmp /dev/shm | grep -v '^\./\.config' | sort; }
ok as alice au run -d project true
# An older kernel lacks tmpfs under another owner, or Landlock's scopes.
lacking=0
since 6.3 || lacking=1
since 6.12 || lacking=$((lacking + 1))
files >/run/before
ok as alice au verify
says " 0 open, 0 unlocked, $lacking lacking, 2 untried"
says "untried   localhost: "
says "untried   network: "
files | diff /run/before - || fail "something of the probes was left"
ok as alice au verify --json
complains "$ au run --agent agent --directory / --no-shares --rw /home/alice/.au-verify/share"
output | python3 -c 'import json,sys; v = json.load(sys.stdin); assert v["open"] == 0 and len(v["results"]) > 25, v; states = [r["state"] for r in v["results"]]; assert set(states) - {"lacking"} == {"holds", "untried"} and states.count("lacking") == '$lacking', v'
ok au --human alice verify
fails 1 as alice au verify -a nobody-has-it
complains "no such agent"

promise="au verify works wherever au itself is: in a folder that is a draft, or that hides names"
as alice mkdir own
cp /usr/local/libexec/au/au-complete /home/alice/own/au
chown alice: /home/alice/own/au
for option in --draft "--hide=*.key" --target-only --rw; do
	ok as alice au mount add -y --replace $option own
	ok as alice own/au verify
	says " 0 open, 0 unlocked, $lacking lacking, 2 untried"
done
files | diff /run/before - | grep -v ' \./own' | grep '^[<>]' && fail "something of the probes was left"
ok as alice au mount remove own
as alice rm -r own

# sees STATE PROBE... — au verify says that of each of the probes; it fails where one is open.
sees() {
	state=$1
	shift
	promise="au verify says \"$state\" of $*"
	status=0
	[ "$state" != open ] || status=1
	fails $status as alice au verify
	for probe; do says "$(printf '%-8s' "$state")  $probe: "; done
}
# becomes FILE puts an entrypoint in the place of the one that the agent has, as if root had installed it.
becomes() {
	pkill -KILL -u agent
	pkill -KILL su_as_agent
	soon sh -c "cat $1 >$entry" # one that runs cannot be written
	chmod 4750 $entry
	sum=$(sha256sum <$entry | cut -d' ' -f1)
	sed -i "s/^sha256 .*/sha256 $sum/" $policy
	sed -i "s/^entrypoint_sha256 .*/entrypoint_sha256 = \"$sum\"/; /^entrypoint_stamp/d" $config
}
# without DEFENCE PROBE... — au verify sees each of the probes open where the entrypoint lacks that defence.
without() {
	becomes /opt/e2e/mutants/"$1"
	shift
	sees open "$@"
}
without temporary temporary-files
without proc processes
without ipc-namespace memory-shared
without filter-socket families
without filter-keyctl keyrings
without own-devices devices
without filter-fchmod set-id-files
without share-read-only share-read-only
without no-new-privs set-uid-programs
without filter-clone user-namespaces
since 6.3 && without seal sockets
without ends-with-the-waiter ends
without cgroup-joined cgroup
without filter-tiocsti terminal
without filter-tioclinux terminal
without share-mapped share-writes share-yours
since 6.12 && without scopes abstract-sockets
becomes /run/whole
ok as alice au verify

# Homes that nothing covers.
cp -p $policy /run/policy
cp -p $config /run/config
sed -i '/^hide \/home$/d; /^hide \/root$/d' $policy
chmod 755 /home/bob /home/alice
echo x >/home/bob/x
sed -i '1s/^/disable_home_access_check = true\n/' $config
sees open human-files other-homes share-edges
cat /run/policy >$policy
cat /run/config >$config
chmod 700 /home/bob /home/alice

# Switches that the human opened, and those that are then used for what no switch gives.
ok as alice au new -y --unlock setuid --unlock userns --unlock devices
sees unlocked set-uid-programs user-namespaces devices
setcap cap_setuid,cap_mknod,cap_sys_chroot,cap_dac_override+ep /usr/local/libexec/au/au-complete
sees open powers identity policy
setcap -r /usr/local/libexec/au/au-complete
ok as alice au delete -y -H
ok as alice au new -y
ok as alice au limits set --tasks 500

# Files and limits.
chmod 666 $policy
fails 1 as alice au verify
complains "$policy"
chmod 644 $policy
chmod 500 /home/agent
sees open own-home home-shared
ok as alice au new -y
echo 600 >"$(ls -d /sys/fs/cgroup/user.slice/user-"$(id -u agent)".slice /sys/fs/cgroup/pids/user.slice/user-"$(id -u agent)".slice 2>/dev/null | head -n 1)"/pids.max
sees open limits
ok as alice au limits reset
ok as alice au limits reset

# A restricted network, where there are ways out; then its rules are taken away, and where the slice has a filter, that too.
ok ip link add out0 type veth peer name out1
ok sh -c 'ip link set out1 up && ip link set out0 up && ip addr add 198.51.100.9/24 dev out0 && ip route add default dev out0'
ok sh -c 'ip addr add 2001:db8:9::9/64 dev out0 nodad && ip -6 route add default dev out0'
ok as alice au net restrict --allow 192.0.2.7
sees holds network localhost terminal
says_not 'open  '
uid=$(id -u agent)
ok systemctl stop au-net-watch@agent.service
ok nft delete table inet "au_net_$uid"
rm -f "/etc/systemd/system/user-$uid.slice.d/au-net.conf"
ok systemctl daemon-reload
sees open network localhost
