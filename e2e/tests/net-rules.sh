#!/bin/sh
# Rules can be added, taken back and given for a time; the log says what was refused, and which line allows it.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up
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
ok as alice au net allow --for 8s git.test localhost:3456
python3 -m http.server --bind 127.0.0.1 3456 >/dev/null 2>&1 &
soon agent curl -sS --max-time 5 https://git.test/
ok agent curl -sS --max-time 5 http://127.0.0.1:3456/
sleep 9
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://git.test/" && exit 0; exit 60'
soon sh -c '! nft list ruleset | grep -q 3456'
untouched agent curl -sS --max-time 5 http://127.0.0.1:3456/
says_not "Directory listing"
fails 1 as alice au net why git.test
says "not allowed any more: the rule is git.test"

promise="the agent reaches its own server and not the human's; the human reaches the agent's"
agent python3 -m http.server --bind 127.0.0.1 4567 >/dev/null 2>&1 &
soon as alice curl -sS http://127.0.0.1:4567/
ok agent curl -sS --max-time 5 http://127.0.0.1:4567/
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
ok as alice au net restrict --learn 6s --allow allowed.test
soon agent curl -sS --max-time 5 https://mirror.test/
ok as alice au net log --suggest
says "mirror.test"
sleep 7
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://mirror.test/" && exit 0; exit 60'

promise="show prints what is applied"
ok as alice au net show --format nft
ok sh -c 'runuser -l alice -c "au net show --format nft" | nft -c -f -'
ok as alice au net show --format units
says "ExecStart=/usr/local/libexec/au/agent/au net serve agent"
ok as alice au net show
says "rule = 'allowed.test'"
