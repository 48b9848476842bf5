#!/bin/sh
# Without any rules the slice alone lets nothing out, not a set-uid helper's packets either; with them, status says that both layers hold.
# machines: none
# machines by hand: true true-bookworm
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y --unlock setuid
internet_up
uid=$(id -u agent)
join='import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(0, 35, socket.inet_aton("239.83.69.67") + socket.inet_aton("198.51.100.2"))'
ok agent python3 -c "$join"
ok as alice au net restrict --allow allowed.test
nft delete table inet "au_net_$uid"
untouched agent ping -c 1 -W 1 203.0.113.66
untouched agent curl -sS --max-time 2 -k https://203.0.113.66/
soon nft list table inet "au_net_$uid"

promise="both layers hold, seen by packets that were tried"
ok as alice au net status --verify
says "in the agent's slice: refused at once"
ok sh -c 'runuser -l alice -c "au net status --verify --json" 2>/dev/null | jq -e "[.layers[] | select(.name == \"rules\" or .name == \"slice\") | .holds] == [true, true]"'

promise="what is allowed passes both"
ok agent curl -sS --max-time 60 https://allowed.test/
says "INTERNET allowed.test"

promise="no multicast group is joined, for the kernel itself would tell the network of it"
fails 1 agent python3 -c "$join"
complains PermissionError

promise="a set-uid helper's packets stay"
cp /usr/bin/curl /usr/local/bin/helper
chmod 4755 /usr/local/bin/helper
untouched agent /usr/local/bin/helper -sS --max-time 10 -k https://203.0.113.66/
[ "$e2e_status" != 0 ] || fail "the helper reached the attacker"
untouched agent /usr/local/bin/helper -sS --max-time 10 -k 'https://[2001:db8:2::66]/'

promise="while no rules are loaded, nothing leaves"
ok systemctl stop au-net-watch@agent.service
nft delete table inet "au_net_$uid"
untouched agent curl -sS --max-time 10 -k https://203.0.113.66/
untouched agent /usr/local/bin/helper -sS --max-time 10 -k https://203.0.113.66/
untouched agent dig +time=2 +tries=1 @203.0.113.66 secret.attacker.test
fails 1 as alice au net status --verify
ok systemctl start au-net-watch@agent.service
soon nft list table inet "au_net_$uid"

promise="off takes both layers away"
ok as alice au net off
ok agent curl -sS --max-time 60 https://attacker.test/
says "INTERNET attacker.test"
ok agent python3 -c "$join"
[ -z "$(find /sys/fs/bpf -name "*au_net*" 2>/dev/null)" ] || fail "the program stayed"
