#!/bin/sh
# The rules come back by themselves, and where they cannot, nothing of the agent's runs or gets out.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
uid=$(id -u agent)

refused() {
	untouched agent curl -sS --max-time 5 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached the attacker"
}

for backend in nft iptables; do
	ok as alice au net restrict --backend $backend --allow allowed.test
	promise="with $backend: where the slice has no filter, a table that nobody can flush keeps packets back meanwhile"
	if ! as alice au net status --json 2>/dev/null | jq -e '.layers[] | select(.name == "slice") | .up' >/dev/null; then
		soon nft list table inet "au_held_$uid"
		fails 1 nft delete table inet "au_held_$uid"
		ok systemctl kill --signal=KILL au-net-watch.service
		soon sh -c "nft list table inet au_held_$uid"
		fails 1 nft delete table inet "au_held_$uid"
	fi
	promise="with $backend: flushed rules come back"
	nft flush ruleset
	soon sh -c "nft list ruleset | grep -q 61001"
	refused
	ok agent curl -sS --max-time 20 https://allowed.test/
	promise="with $backend: a jump that somebody else's comes before, or that is gone, comes back"
	if [ $backend = iptables ]; then
		iptables -I OUTPUT 1 -j ACCEPT
		soon sh -c 'iptables -S OUTPUT | sed -n 2p | grep -q au-net'
		iptables -D OUTPUT -j ACCEPT
		iptables -F OUTPUT
		soon sh -c 'iptables -S OUTPUT | grep -q au-net'
	else
		nft flush chain inet au_net_$uid refuse
		soon sh -c "nft list chain inet au_net_$uid refuse | grep -q 61001"
	fi
	refused
	promise="with $backend: nftables.service and its flush change nothing for long"
	ok systemctl restart nftables.service
	soon sh -c "nft list ruleset | grep -q 61001"
	refused
done
ok as alice au net restrict --backend nft --allow allowed.test

promise="a daemon that dies is replaced, and refuses nobody meanwhile"
ok kill -9 "$(systemctl show -P MainPID au-net@agent.service)"
ok agent curl -sS --max-time 20 https://allowed.test/
says "INTERNET allowed.test"

promise="without a daemon nothing gets out"
systemctl stop au-net@agent.service au-net@agent.socket 2>/dev/null
refused
untouched agent curl -sS --max-time 5 https://allowed.test/
[ "$e2e_status" != 0 ] || fail "the agent reached something without a daemon"
fails 1 as alice au net status
says "au-net@agent.socket does not run"
ok systemctl start au-net@agent.socket
ok agent curl -sS --max-time 20 https://allowed.test/

promise="a policy that cannot be read leaves the old one in force"
cp /etc/au/net/agent.toml /run/good
echo 'rule = "*"' >>/etc/au/net/agent.toml
sleep 3
refused
ok agent curl -sS --max-time 20 https://allowed.test/
fails 1 as alice au net status
cp /run/good /etc/au/net/agent.toml

promise="rules that do not load let nothing of the agent's start"
ok systemctl stop au-net-watch@agent.service
cp /usr/sbin/nft /run/nft
printf '#!/bin/sh\nexit 1\n' >/run/no-nft
mount --bind /run/no-nft /usr/sbin/nft 2>/dev/null || skip "nft cannot be covered here"
chmod 755 /run/no-nft
systemctl stop "user-$uid.slice" au-net-rules@agent.service
fails 1 systemctl start au-agent.service
fails 125 agent true
umount /usr/sbin/nft
ok systemctl start au-agent.service
ok systemctl start au-net-watch@agent.service
ok agent true
refused

promise="a uid that belongs to somebody else is not handed the rules, nor the slice"
systemctl stop au-net-watch@agent.service "user-$uid.slice" au-net-rules@agent.service
usermod -l somebody agent
fails 1 systemctl start au-net-rules@agent.service
ok journalctl -u au-net-rules@agent.service
says 'belongs to user "somebody" now'
fails 1 systemctl start "user-$uid.slice"
usermod -l agent somebody
