#!/bin/sh
# Rules can be added, taken back and given for a time; the log says what was refused, and which line allows it.
# machines: trixie
# machines by hand: bookworm true
# waits: yes
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
span=8
[ ! -e /dev/vda ] || span=120 # an emulated machine takes that long for what is to happen meanwhile
ok as alice au net restrict --allow allowed.test

promise="a rule holds at once, and without asking the daemon to start again"
pid=$(systemctl show -P MainPID au-net@agent.service)
untouched agent curl -sS --max-time 5 https://other.test/
[ "$e2e_status" != 0 ] || fail "the agent reached other.test"
ok as alice au net allow other.test --reason 'the "mirror"'
soon agent curl -sS --max-time 20 https://other.test/
[ "$pid" = "$(systemctl show -P MainPID au-net@agent.service)" ] || fail "the daemon was started again"
ok as alice au net status
says 'other.test (the "mirror")'

promise="deny wins"
ok as alice au net allow '*.allowed.test'
ok as alice au net deny www.allowed.test
sleep 1
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://www.allowed.test/" && exit 0; exit 60'
ok as alice au net why https://allowed.test/
says "allowed by the rule allowed.test"
fails 1 as alice au net why www.allowed.test
says "denied by the rule www.allowed.test"
says_not "hint"
fails 1 as alice au net why attacker.test:22
says "hint: au net allow --agent agent attacker.test:22"

promise="a rule for a time ends by itself, in the daemon and in the packet filter"
ok as alice au net allow --for ${span}s git.test localhost:3456
python3 -m http.server --bind 127.0.0.1 3456 >/dev/null 2>&1 &
soon agent curl -sS --max-time 60 https://git.test/
ok agent curl -sS --max-time 60 http://127.0.0.1:3456/
sleep $((span + 1))
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://git.test/" && exit 0; exit 60'
soon sh -c '! nft list ruleset | grep -q 3456'
untouched agent curl -sS --max-time 5 http://127.0.0.1:3456/
says_not "Directory listing"
fails 1 as alice au net why git.test
says "not allowed any more: the rule is git.test"

promise="the agent reaches its own server and not the human's; the human reaches the agent's"
agent python3 -m http.server --bind 127.0.0.1 4567 >/dev/null 2>&1 &
soon as alice curl -sS http://127.0.0.1:4567/
ok agent curl -sS --max-time 60 http://127.0.0.1:4567/
says "Directory listing"
untouched agent curl -sS --max-time 5 http://127.0.0.1:3456/
says_not "Directory listing"

promise="the log says what was refused, only the human reads it, and --suggest prints the line"
untouched agent curl -sS --max-time 5 https://mirror.test/
soon sh -c 'runuser -l alice -c "au net log --denied" | grep -q mirror.test'
ok as alice au net log --json
ok sh -c 'runuser -l alice -c "au net log --json" | jq -e .time >/dev/null'
ok as alice au net log --suggest
says "au net allow --agent agent"
says "mirror.test"
says_not "www.allowed.test"
untouched agent cat /var/log/au/agent/net.jsonl
[ "$e2e_status" != 0 ] || fail "the agent reads its log"
untouched agent sh -c 'echo x >>/var/log/au/agent/net.jsonl'
[ "$e2e_status" != 0 ] || fail "the agent writes its log"

promise="learning lets through, records, and ends by itself"
ok as alice au net restrict --learn ${span}s --allow allowed.test
soon agent curl -sS --max-time 60 https://mirror.test/
ok as alice au net log --suggest
says "mirror.test"
sleep $((span + 1))
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://mirror.test/" && exit 0; exit 60'

promise="--dns asks that server and no other"
ok agent curl -4 -sS --max-time 20 https://allowed.test/
says 203.0.113.7
for server in 203.0.113.54 '[2001:db8:2::54]:5354'; do
	ok as alice au net restrict --allow allowed.test --dns "$server"
	soon sh -c 'runuser -l alice -c "au run -- curl -4 -sS --max-time 20 https://allowed.test/" | grep -F 203.0.113.10'
	: >/run/internet/dns.log
	ok agent curl -4 -sS --max-time 20 https://allowed.test/
	says 203.0.113.10
	ok agent curl -6 -sS --max-time 20 https://allowed.test/
	says 2001:db8:2::10
	untouched agent curl -sS --max-time 5 https://mirror.test/
	[ "$e2e_status" != 0 ] || fail "the agent reached a name that is not allowed"
	grep -q '^allowed.test 1 elsewhere$' /run/internet/dns.log || fail "it was not asked"
	! grep -v '^allowed.test [0-9]* elsewhere$\|^ipv4only.arpa 28 ' /run/internet/dns.log || fail "another server was asked, or about another name"
done
promise="a server that is none is one clear error, before anything changes"
cp /etc/au/net/agent.toml /run/before
for server in nonsense 203.0.113.54:0 203.0.113.0/24 2001:db8:2::54%up0; do
	fails 2 as alice au net restrict --allow other.test --dns "$server"
	complains "DNS server \"$server\": want an address such as 192.0.2.53 or [2001:db8::53]:5353"
	says_not '$ sudo'
	cmp /run/before /etc/au/net/agent.toml || fail "the policy changed"
done
promise="without --dns the machine's own servers are asked again"
ok as alice au net restrict --allow allowed.test
says "No longer in force: DNS servers 2001:db8:2::54"
soon sh -c 'runuser -l alice -c "au run -- curl -4 -sS --max-time 20 https://allowed.test/" | grep -F 203.0.113.7'

promise="TLS that hides its name passes to an allowed name alone, and with --no-ech nowhere; the log, why and --suggest say so"
hello="python3 /opt/e2e/tests/internet/hello.py"
ok as alice $hello allowed.test allowed.test ech
says_exactly "server hello"
ok agent $hello allowed.test allowed.test
says_exactly "server hello"
ok agent $hello allowed.test allowed.test ech
says_exactly "server hello"
soon sh -c 'runuser -l alice -c "au net log" | grep "allowed.test:443  ech"'
untouched agent $hello allowed.test attacker.test ech
says_not "server hello"
untouched agent $hello attacker.test attacker.test ech
says_not "server hello"
untouched agent $hello 203.0.113.66 allowed.test ech
says_not "server hello"
ok as alice au net restrict --no-ech
soon sh -c "runuser -l alice -c 'au run -- $hello allowed.test allowed.test ech' | grep -qx 'alert 49'"
ok agent $hello allowed.test allowed.test
says_exactly "server hello"
soon sh -c 'runuser -l alice -c "au net log --denied" | grep "hidden-name  ech, which --no-ech refuses"'
ok as alice au net log --suggest
says "au net restrict --agent agent --ech"
ok as alice au net why allowed.test
says "hint: au net restrict --agent agent --ech"
ok as alice au net restrict --agent agent --ech
soon sh -c "runuser -l alice -c 'au run -- $hello allowed.test allowed.test ech' | grep -qx 'server hello'"

promise="the hint, why and --suggest name the same rule, and it opens one port"
for at in attacker.test:443 attacker.test:22 203.0.113.66:443 203.0.113.66:80 203.0.113.66:22 '[2001:db8:2::66]:443'; do
	case $at in attacker.test:443) rule=attacker.test ;; *) rule=$at ;; esac
	fails 1 as alice au net why $at
	says "hint: au net allow --agent agent $rule"
done
untouched agent curl -sS --max-time 5 http://203.0.113.66/
says "au: hint: au net allow --agent agent 203.0.113.66:80"
sleep 1
ok as alice au net log --suggest
says " 203.0.113.66:80"
fails 1 as alice au net why quic://allowed.test
says "only TCP and questions for names pass"
says_not "hint"

promise="names pinned in /etc/hosts are reached where they are allowed, and open nothing inside"
cp /etc/hosts /run/hosts
echo '203.0.113.10 allowed.test
203.0.113.66 attacker.test
198.18.0.7 inside.test' >>/etc/hosts
ok as alice au net allow inside.test
sleep 1
ok agent curl -4 -sS --max-time 20 http://allowed.test/
says 203.0.113.10
untouched agent curl -sS --max-time 5 http://attacker.test/
says "reason: not-allowed"
untouched agent curl -sS --max-time 5 http://inside.test/
says "inside.test:80 leads to 198.18.0.7, inside this machine's networks"
says "au: hint: au net allow --agent agent 198.18.0.7:80"
fails 1 as alice au net why http://inside.test
says "hint: au net allow --agent agent 198.18.0.7:80"
cat /run/hosts >/etc/hosts

promise="the keys to hide it with are not among what names are answered with, with --no-ech too"
ok as alice dig +time=5 +tries=1 HTTPS allowed.test
says "ANSWER: 1,"
for again in "" --no-ech; do
	# shellcheck disable=SC2086 # a word or none
	ok as alice au net restrict $again
	sleep 2
	: >/run/internet/dns.log
	ok agent dig +time=5 +tries=1 HTTPS allowed.test
	says "status: NOERROR"
	says "ANSWER: 0,"
	! grep ' 65' /run/internet/dns.log || fail "it was asked upstream"
done

promise="show prints what is applied"
ok as alice au net show --format nft
ok sh -c 'runuser -l alice -c "au net show --format nft" | nft -c -f -'
ok as alice au net show --format units
says "ExecStart=/usr/local/libexec/au/agent/au net serve agent"
ok as alice au net show
says "rule = 'allowed.test'"

promise="the rules are put back where others have hundreds of tables, for each of which nft needs memory"
ok as alice au net restrict --backend nft
for n in $(seq 300); do echo "table inet other$n { chain every { type filter hook output priority 0; counter; }; }"; done >/run/others
ok nft -f /run/others
ok nft delete table inet "au_net_$(id -u agent)"
soon nft list table inet "au_net_$(id -u agent)"
fails 1 sh -c 'journalctl -u au-net-watch.service | grep killed'
