#!/bin/sh
# An au that Nix built says which of root's programs this machine lacks before it changes anything, and picks the back end of those that it has.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh

# The package brings programs of its own, which are au's to read facts with. Root's commands, and the units of a restricted network, know of none of them.
store=/nix/store/00000000000000000000000000000000
install -D -m 0755 /usr/local/bin/au $store-au/bin/au
install -D -m 0755 /usr/local/libexec/au/au-complete $store-au/libexec/au/au-complete
install -D -m 0755 /usr/local/libexec/au/su_as_agent $store-au/libexec/au/su_as_agent
mkdir -p $store-acl/bin $store-nftables/bin
echo $store-acl/bin:$store-nftables/bin >$store-au/libexec/au/path
chmod 0644 $store-au/libexec/au/path
for program in setfacl getfacl; do mv "$(command -v $program)" $store-acl/bin/; done
mv "$(command -v nft)" $store-nftables/bin/

promise="without acl on the machine nothing is begun"
fails 1 as alice $store-au/bin/au new -y
complains 'not installed: setfacl, getfacl; on Debian: apt-get install acl'
says_not groupadd
fails 2 getent passwd agent
fails 2 ls /etc/au

promise="with it an agent is made, and runs"
mv $store-acl/bin/* /usr/bin/
ok as alice $store-au/bin/au new -y
ok as alice $store-au/bin/au run id -un
says_exactly agent

promise="without nft on the machine the rules go to iptables, and hold"
ok as alice chmod o= .
runuser -u alice -- python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 &
soon as alice $store-au/bin/au run curl -sS -m 10 -o /dev/null http://127.0.0.1:8000/
ok as alice $store-au/bin/au net restrict --allow example.org
ok as alice $store-au/bin/au net show --format iptables
ok sh -c 'iptables-save | grep -q au-net'
fails 22 as alice $store-au/bin/au run curl -fsS -m 10 -o /dev/null http://127.0.0.1:8000/
ok as alice $store-au/bin/au net off

promise="with neither it is refused before anything is changed"
for program in iptables-restore iptables-nft-restore iptables-legacy-restore; do mv /usr/sbin/$program $store-nftables/bin/ 2>/dev/null || true; done
snapshot
fails 1 as alice $store-au/bin/au net restrict --allow example.org
complains 'neither nft nor iptables is installed: install nftables'
unchanged
fails 1 as alice $store-au/bin/au net restrict --backend nft --allow example.org
complains 'nft is not installed: install nftables, or --backend iptables'
