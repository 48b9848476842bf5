#!/bin/sh
# A file that au export prints changes nothing, for root and for the human, whatever the agents have: shares, drafts, settings, limits, switches, a network, several humans.
# machines: none
# machines by hand: trixie bookworm
# timeout: 1200
. /opt/e2e/lib.sh
for who in alice bob; do
	chmod 0700 /home/$who
	as $who mkdir code books work 'odd é'"'"'"$x'
done
config=/home/alice/.config/agent-as-unix-user.toml

# same STATE: au apply of what au export prints changes nothing.
same() {
	promise="what au export prints changes nothing: $1"
	snapshot
	ok sh -c 'env -u SUDO_USER au export >/root/now.toml'
	ok sh -c 'env -u SUDO_USER au apply -y --prune --detailed-exitcode /root/now.toml'
	says "nothing to do"
	ok as alice sh -c 'au export >now.toml'
	ok as alice au apply -y --prune --detailed-exitcode now.toml
	says "nothing to do"
	rm /home/alice/now.toml
	unchanged before
}

ok as alice au new -y
same "an agent as au new makes it"

ok as alice au mount add --rw --acl code
ok as alice au mount add --acl books
same "shares by ACL"
ok as alice au mount remove books
ok as alice au mount remove code

as alice sh -c 'echo x >code/.env; echo x >code/a.key; echo x >books/secret'
ok as alice au mount add --draft --hide '*.key' --hide notes code
ok as alice au run -d code -- sh -c 'echo x >draft'
ok as alice au mount add --hide secret books
ok as alice au mount add --draft --show-secrets work
ok as alice au run --draft 'odd é'"'"'"$x' --as mine -- true
same "drafts, and hidden names"

ok as alice au mount add --target-only --rw 'odd é'"'"'"$x' elsewhere/there
ok as alice au mount remove work
ok as alice mkdir -p work/bin
ok as alice au mount add --rw work
ok as alice au path add work/bin
sed -i '/^user_name = "agent"/a keep_env = ["TZ", "LC_*"]\nset_env = ["A=b c", "B=it'"'"'s \\"x\\" \\\\ $HOME", "C=é=", "D="]' $config
ok as alice au run -- sh -c 'echo "$B"'
says_exactly 'it'"'"'s "x" \ $HOME'
same "variables, folders on the PATH, and shares with odd names"

ok as alice rmdir work/bin
same "a folder on the PATH that is gone"
as alice sh -c 'mv work work.away'
same "a share that is gone"
as alice sh -c 'mv work.away work; mkdir work/bin'
mount -t tmpfs none /home/alice/books
same "a share that something of root's is mounted on"
umount /home/alice/books
mkdir -p /srv/also
chmod 755 /srv/also
mount --bind /home/alice/work /srv/also
same "a share that is reached by another path"
umount /srv/also

# A folder whose name is no text.
ok as alice sh -c 'mkdir "$(printf "b\377")" && au mount add --target-only "$(printf "b\377")"'
same "a share whose name is not UTF-8"

ok as alice au limits set --cpu 150% --mem 1G --swap 0 --tasks 400 --cpu-weight 50
same "limits"
ok as alice au limits set --mem infinity --tasks 77
ok systemctl set-property "user-$(id -u agent).slice" CPUQuota=33.3%
same "limits that are none, and one that systemctl set"
ok grep -qF '# Left out: agent: cpu = "33.3%", which au does not set.' /root/now.toml
ok systemctl revert "user-$(id -u agent).slice"
ok systemctl set-property "user-$(id -u agent).slice" MemoryMax=1G
same "a memory limit that systemctl set, with free swap"
ok as alice au new -y --unlock userns --unlock setuid
same "switches"
e2e_run as alice au pause # which needs cgroup v2
paused=$e2e_status
same "an agent that is paused"
[ "$paused" != 0 ] || ok as alice au resume

ok as alice au net restrict --learn 1h
same "a network that learns"
ok as alice au net restrict --allow pypi.org --preset npm --deny ads.example.com --allow-localhost 3000 --dns 192.0.2.53 --dns '[2001:db8::53]:5353' --no-ech
ok as alice au net allow --for 2h --reason 'for "now"' later.example
ok as alice au net deny --for 2h soon.example
ok as alice au net allow --reason 'it is ours' own.example:8443
ok as alice au net deny --reason why never.example
same "rules, some for a time, some with a reason"
ok as alice au net restrict --backend iptables --allow 192.0.2.7:22 --allow '*.example.com'
same "a network whose rules iptables loads"
echo nameserver 192.0.2.53 >/etc/resolv.conf # a proxy of the human's own leaves names to it
ok as alice au net restrict --backend nft --proxy 8080,8443
same "a proxy of the human's own"
ok as alice au net restrict --proxy 8080 --dns 192.0.2.53
same "a proxy of the human's own, and a DNS server"
ok as alice au net off
ok as alice au net restrict --upstream http://proxy.example:3128 --allow pypi.org
same "a company's proxy"
(umask 077; echo 'user:word' >/root/login)
cp "$(find /etc/ssl/certs /usr/share/ca-certificates -name '*.crt' | head -n 1)" /home/alice/ca.pem
ok as alice au net restrict --upstream https://proxy.example:3128 --upstream-ca /home/alice/ca.pem --upstream-login /root/login --allow pypi.org
same "a company's proxy with a CA and a login"
ok as alice au net off

ok as alice au grant -y bob
ok as bob au mount add --draft code
ok as bob au mount add --target-only books
same "several humans"
ok useradd --create-home dave
ok as alice au grant -y dave
ok userdel dave
promise="what au export prints changes nothing: a human who is gone"
snapshot
ok sh -c 'env -u SUDO_USER au export >/root/now.toml'
ok grep -qxF '# Left out: agent: human dave, who is not on this machine' /root/now.toml
ok sh -c 'env -u SUDO_USER au apply -y --detailed-exitcode /root/now.toml'
says "nothing to do"
unchanged
ok as alice au revoke dave

mkdir -p /home/old
as alice sh -c 'printf "\n[[agents]]\nuser_name = \"old\"\nentrypoint = \"/home/old/su_as_agent\"\nsu_as_agent_group = \"su-as-old\"\n\n[[agents]]\nuser_name = \"lost\"\nentrypoint = \"/usr/local/libexec/au/lost/su_as_agent\"\nsu_as_agent_group = \"su-as-lost\"\n" >>'$config
same "an agent of agent-as-unix-user, and one that is not on this machine"
ok grep -qxF '# Left out: old, which agent-as-unix-user 2.x made for alice' /root/now.toml
