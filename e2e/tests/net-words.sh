#!/bin/sh
# A command that nobody can mean is refused before anything changes, with what would be right. One that is meant is done, and taken back, as au says.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up

# wrong TEXT WORDS… is a command with a mistake in it: exit status 2, TEXT on standard error, nothing printed or done.
wrong() {
	e2e_text=$1
	shift
	fails 2 as alice au net "$@"
	complains "$e2e_text"
	[ ! -s "$e2e/out" ] || fail "it should have printed nothing"
}
promise="a rule that cannot be one is refused before anything is done"
wrong 'is a URL: want its host alone, such as github.com' restrict --allow https://github.com/a4u2
wrong 'has a path: want the host alone, such as github.com' restrict --allow github.com/a4u2
wrong 'port "0": want 1 to 65535' restrict --allow github.com:0
wrong 'port "70000": want 1 to 65535' restrict --allow github.com:70000
wrong 'anybody can register a name below com' restrict --allow '*.com'
wrong 'would allow everything' restrict --allow '*'
wrong 'is this machine itself: want localhost:PORT' restrict --allow 127.0.0.1
wrong 'want one of anthropic, openai' restrict --preset antropic
wrong '--allow-localhost 0: want a port' restrict --allow-localhost 0
wrong 'want an address such as 192.0.2.53' restrict --dns 0.0.0.0
wrong 'want 30d or less' restrict --learn 31d
wrong 'want --allow, --deny, --preset, --learn and --no-ech without it' restrict --proxy 3128 --allow github.com
ok as alice au net status
says_exactly "Agent agent reaches everything that you reach"
fails 1 as alice au net allow github.com
complains "au: hint: au net restrict --agent agent"
fails 1 as alice au net restrict --agent nosuch --allow github.com
complains "no such agent"

promise="names are one name however they are written"
ok as alice au net restrict --allow Allowed.TEST. --allow 'bücher.test' --allow '*.allowed.test'
ok as alice au net why https://user:secret@ALLOWED.test/a/b?c=d
says_exactly "allowed.test:443: allowed by the rule allowed.test"
ok as alice au net why http://xn--bcher-kva.test
fails 1 as alice au net why git@github.com:a4u2/au
says "hint: au net allow --agent agent github.com:22"
fails 1 as alice au net why '[2001:db8:2::66]:22'
says "hint: au net allow --agent agent [2001:db8:2::66]:22"

promise="a time that is none is refused"
for time in 0 2 2x forever 500y; do wrong "duration \"$time\": want 30m, 2h or 7d" allow --for $time other.test; done
wrong 'duration "213504d": want 30m' allow --for 213504d other.test
wrong 'want a name, an address or a URL' why 'a b'
fails 1 as alice au net why 0.0.0.0:3000
says "hint: au net allow --agent agent localhost:3000"
wrong 'want one line' allow --reason 'two
lines' other.test
wrong 'want it without --follow and --json' log --suggest --json

promise="what is denied, and allowed for a time, is denied again afterwards"
ok as alice au net deny www.allowed.test
seconds=4
[ ! -e /dev/vda ] || seconds=45 # an emulated machine is slow
ok as alice au net allow --for ${seconds}s www.allowed.test
ok as alice au net status
says "www.allowed.test (again from"
soon agent curl -sS --max-time 5 https://www.allowed.test/
sleep $seconds
fails 1 as alice au net why www.allowed.test
says "denied by the rule www.allowed.test"
fails 60 sh -c 'runuser -l alice -c "au run -- curl -sS --max-time 5 https://www.allowed.test/" && exit 0; exit 60'
ok as alice au net deny --for 1s www.allowed.test
says "(denied for longer before, and still: www.allowed.test)"
ok as alice au net deny --for 1s www.allowed.test
says "nothing to do"
ok as alice au net deny '*.other.test'
ok as alice au net allow www.other.test
complains "www.other.test stays denied by the rule *.other.test"
ok as alice au net allow --for 1h allowed.test
says "(without an end before: allowed.test)"

promise="who is not the agent's human changes nothing and does not read the log; the agent neither"
cp /etc/au/net/agent.toml /run/before
for words in 'restrict --allow attacker.test' 'allow attacker.test' off log; do
	fails 1 as carol au net $words
	fails 1 agent au net $words
done
cmp /run/before /etc/au/net/agent.toml || fail "the policy changed"
fails 1 agent au net status
says "unknown  systemd does not answer here"

promise="the log follows until Ctrl-C"
cat >/run/stop.py <<'PYTHON'
# Runs the command on a terminal of its own, types Ctrl-C after two seconds, and exits with the command's status and how it ended.
import os, pty, sys, threading
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("runuser", ["runuser", "-u", "alice", "--", *sys.argv[1:]])
threading.Timer(2, os.write, (terminal, b"\x03")).start()
try:
    while os.read(terminal, 4096): pass
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
ok timeout 20 env HOME=/home/alice python3 /run/stop.py au net log -f

promise="show prints what is in force, to the letter"
table="table inet au_net_$(id -u agent)"
echo agent:700000:1000 >>/etc/subuid
soon sh -c "nft -n list $table | grep -q 700000"
ip netns add shown
ok sh -c 'runuser -l alice -c "au net show --format nft" | ip netns exec shown nft -f -'
ok sh -c "ip netns exec shown nft -n -s list $table >/run/shown; nft -n -s list $table | diff - /run/shown"
ip netns delete shown
cat >/run/units.py <<'PYTHON'
import os, re, sys
blocks = re.split(r"^# (/etc/systemd/system/\S+)\n", sys.stdin.read(), flags=re.M)[1:]
for path, text in zip(blocks[::2], blocks[1::2]):
    if open(path).read() + "\n" != text: sys.exit(path + " is another")
there = [os.path.join(d, f) for d, _, files in os.walk("/etc/systemd/system") for f in files if f.startswith("au-net") and not os.path.islink(os.path.join(d, f))]
sys.exit(None if sorted(there) == sorted(blocks[::2]) else f"there are {there}, shown are {blocks[::2]}")
PYTHON
ok sh -c 'runuser -l alice -c "au net show --format units" | python3 /run/units.py'

promise="show says when what it prints is not in force"
ok as alice au net show --format iptables
complains "these are not in force: nft has loaded the agent's rules"
ok as alice au net show --format nft
[ ! -s "$e2e/err" ] || fail "what is in force is said not to be"

promise="without a program that loads rules nothing is done, nor with one for IPv4 alone where there is IPv6"
mkdir /run/away
mv /usr/sbin/nft /usr/sbin/iptables-restore /usr/sbin/ip6tables-restore /run/away/
fails 1 as alice au net restrict --allow attacker.test
complains "neither nft nor iptables is installed: install nftables"
fails 1 as alice au net restrict --backend nft --allow attacker.test
complains "nft is not installed: install nftables, or --backend iptables"
mv /run/away/iptables-restore /usr/sbin/
fails 1 as alice au net restrict --allow attacker.test
complains "the kernel has IPv6, switched on or off, and there is no ip6tables"
mv /run/away/* /usr/sbin/
cmp /run/before /etc/au/net/agent.toml || fail "the policy changed"

promise="a policy that is gone or cannot be read is said, and not taken for none"
cp /etc/au/net/agent.toml /run/before
echo 'junk = 1' >>/etc/au/net/agent.toml
for words in 'status' 'allow other.test' 'why other.test' 'show'; do
	fails 1 as alice au net $words
	complains 'unknown key "deny.junk"'
	complains "a newer au than this one may have written it"
	! grep -q 'hint: au net' "$e2e/err" || fail "it is advised to write it anew"
done
rm /etc/au/net/agent.toml
for words in 'status' 'allow other.test' 'why other.test' 'show'; do
	fails 1 as alice au net $words
	complains "/etc/au/net/agent.toml is gone, and au-net-rules@agent.service is still there"
done
untouched agent curl -sS --max-time 5 https://attacker.test/
echo 'junk = 1' >/etc/au/net/agent.toml
ok as alice au net restrict --allow allowed.test
complains "cannot be read, and nothing of it is kept"
soon agent curl -sS --max-time 5 https://allowed.test/

promise="rules that an uninstalled nft has left are taken away"
mv /usr/sbin/nft /run/away/
ok as alice au net restrict --allow allowed.test
/run/away/nft list tables >"$e2e/tables"
mv /run/away/nft /usr/sbin/
# The rule that closes the agent's ports to the outside is nft's with either, and stays.
! grep -q 'au_net_[0-9]*$' "$e2e/tables" || fail "both backends hold rules of the agent's"
soon agent curl -sS --max-time 5 https://allowed.test/
ok as alice au net restrict --backend nft --allow allowed.test
mv /usr/sbin/nft /run/away/
ok as alice au net off
mv /run/away/nft /usr/sbin/
[ -z "$(nft list tables | grep au_net)" ] || fail "off left a table"
ok agent curl -sS --max-time 10 https://attacker.test/
