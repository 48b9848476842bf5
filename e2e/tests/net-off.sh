#!/bin/sh
# au net off leaves no trace, au delete takes it along, and nobody else's rules are touched.
# machines: bookworm
# machines by hand: trixie true
# timeout: 1800
. /opt/e2e/lib.sh
# Where systemd takes the second layer with cgroups as they are here, off has it to take away too.
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || true
nft -f - <<'RULES'
table inet others {
	chain out { type filter hook output priority 0; policy accept; tcp dport 9999 reject; }
}
RULES
# Somebody's rule in every chain in which iptables has a rule for the agent.
for command in iptables ip6tables; do
	for table in filter mangle raw nat; do $command -t $table -A OUTPUT -p tcp --dport 9998 -j RETURN; done
	$command -t mangle -A POSTROUTING -p tcp --dport 9998 -j RETURN
done
ip link add up0 type veth peer name down0
ip addr add 198.18.0.2/24 dev up0
ip link set up0 up
ip link set down0 up
ok as alice au new -y
ok as alice au run true
snapshot
for backend in nft iptables; do
	promise="with $backend: what is printed with --dry-run changes nothing"
	ok as alice au net restrict --backend $backend --preset anthropic --allow-localhost 3000 --dry-run
	says 'systemctl start au-net-rules@agent.service'
	unchanged

	promise="with $backend: restricting twice is the same as once"
	ok as alice au net restrict --backend $backend --preset anthropic --allow-localhost 3000
	rules() { nft -s list ruleset; iptables-save; ip6tables-save; }
	rules | grep -v '^#' | sed 's/ \[[0-9]*:[0-9]*\]$//' >"$e2e/once"
	ok as alice au net restrict --backend $backend --preset anthropic --allow-localhost 3000
	says_not '$ sudo'
	rules | grep -v '^#' | sed 's/ \[[0-9]*:[0-9]*\]$//' | diff "$e2e/once" - || fail "the rules changed"

	promise="with $backend: the rules are there for nobody else"
	ok nft list table inet others
	says "tcp dport 9999 reject"

	promise="with $backend: off leaves no trace"
	ok as alice au net off
	complains_not "no installation config"
	[ -z "$(find /sys/fs/bpf -name "*au_net*" 2>/dev/null)" ] || fail "the slice's program stayed"
	fails 7 as alice au run -- curl -sS --max-time 5 http://127.0.0.1:9/
	ok as alice au run -- python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("198.18.0.1", 9))'
	unchanged before
	ok as alice au net off
	says "nothing to do"
done

promise="iptables' own tables go where nobody uses them, and not while another agent does"
nft flush ruleset
ok as alice au new -y -a other
ok as alice au net restrict -a other --backend iptables --allow github.com
ok as alice au net restrict --backend iptables --allow github.com
ok as alice au net off
ok as alice au net status -a other --verify
ok as alice au net off -a other
ok nft list ruleset
silent
ok as alice au delete -H -y -a other

promise="au delete takes a restricted agent's network away"
ok as alice au net restrict --allow github.com
ok as alice au delete -H -y
fails 2 getent passwd agent aunet-agent
[ -z "$(nft list tables | grep au_net)" ] || fail "rules stayed"
[ -z "$(find /etc/systemd/system -name "au-net*"; ls -d /etc/au /var/log/au /usr/local/libexec/au/agent /usr/local/libexec/au-net 2>/dev/null)" ] || fail "files stayed"
[ -z "$(systemctl list-units --all --plain --no-legend 'au-net*')" ] || fail "units stayed"

promise="what cannot be enforced is refused before anything changes"
ok as alice au new -y
snapshot again
fails 2 as alice au net restrict --allow '*.com'
complains 'anybody can register'
fails 2 as alice au net restrict --allow '*'
fails 2 as alice au net restrict --preset antropic
complains 'want one of anthropic'
fails 2 as alice au net restrict --proxy 3128 --allow github.com
fails 1 as alice au net allow github.com
complains 'is not restricted'
unchanged again
