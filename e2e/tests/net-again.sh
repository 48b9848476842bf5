#!/bin/sh
# Restricting a restricted agent says what is no longer in force; a person without rules to give is offered presets; a dry run is checked and changes nothing.
# machines: trixie
# machines by hand: bookworm true
# timeout: 1800
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
ok as alice au new -y
internet_up

promise="on a terminal presets are offered, by number and by name"
cat >/run/internet/answer.py <<'PYTHON'
# Runs a command on a terminal of its own, types a line at its question, prints what is shown, and exits as it does.
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("runuser", ["runuser", "-l", "alice", "-c", sys.argv[2]])
shown, typed = b"", False
while True:
    try: data = os.read(terminal, 4096)
    except OSError: break
    if not data: break
    shown += data
    if not typed and b"nothing for none: " in shown:
        os.write(terminal, sys.argv[1].encode() if sys.argv[1] == "\x04" else sys.argv[1].encode() + b"\n")
        typed = True
sys.stdout.buffer.write(shown.replace(b"\r", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
answer() { timeout 300 python3 /run/internet/answer.py "$@"; }
ok answer "1 npm" "au net restrict"
says "What does the agent need?"
for preset in anthropic openai github go npm pypi rust debian; do says " $preset "; done
first=$(sed -n 's/^ *1  \([a-z]*\) .*/\1/p' "$e2e/out")
says "reaches preset $first and preset npm, and nothing else"
ok as alice au net why registry.npmjs.org
says "preset npm"
fails 1 as alice au net why proxy.golang.org
ok as alice au net off
ok answer "" "au net restrict"
says "reaches itself, and nothing else"
untouched agent curl -sS --max-time 10 https://attacker.test/
[ "$e2e_status" != 0 ] || fail "an agent to which nothing is allowed reached the attacker"
ok as alice au net off
fails 1 answer "$(printf '\004')" "au net restrict"
says "no answer, and nothing was changed"
ok as alice au net status
says "reaches everything"
fails 1 answer "npn" "au net restrict"
says 'preset "npn": want one of'
ok as alice au net status
says "reaches everything"
promise="where nobody can answer nothing is asked, and nothing is allowed"
ok as alice au net restrict
says_not "What does"
says "reaches itself, and nothing else"

promise="rules that are replaced are named, before and in a dry run; what is denied stays denied"
ok as alice au net restrict --allow allowed.test --allow other.test --preset npm --dns 203.0.113.53
ok as alice au net deny www.allowed.test
ok as alice au net allow --for 2h mirror.test
cp /etc/au/net/agent.toml /run/before
ok as alice au net restrict --allow allowed.test --allow '*.allowed.test' --dry-run
says "No longer in force: allow registry.npmjs.org"
says "allow other.test"
says "allow mirror.test"
says "DNS servers 203.0.113.53"
says_not "deny www.allowed.test"
says "(To add to what is allowed, and keep the rest: au net allow --agent agent RULE…)"
says '$ sudo'
cmp /run/before /etc/au/net/agent.toml || fail "a dry run changed the policy"
ok agent curl -sS --max-time 20 https://other.test/
ok as alice au net restrict --allow allowed.test --allow '*.allowed.test'
says "No longer in force: "
soon agent curl -sS --max-time 20 https://allowed.test/
untouched agent curl -sS --max-time 10 https://other.test/
[ "$e2e_status" != 0 ] || fail "a rule that was replaced still holds"
fails 1 as alice au net why www.allowed.test
says "denied by the rule www.allowed.test"
promise="what is allowed by name is no longer denied, and that is said"
ok as alice au net restrict --allow allowed.test --allow www.allowed.test
says "deny www.allowed.test"
says "allow *.allowed.test"
soon agent curl -sS --max-time 20 https://www.allowed.test/
promise="without a rule the rules stay, and nothing is said to go"
ok as alice au net restrict --no-ech
says_not "No longer in force"
ok as alice au net why www.allowed.test
says "--no-ech refuses that"
ok as alice au net restrict
says "No longer in force: --no-ech"
promise="the word from when hidden names had to be asked for still works, in a policy as well"
ok as alice au net restrict --ech
complains "au: --ech is the default"
fails 2 as alice au net restrict --ech --no-ech
sed -i 's/^uid = .*/&\nech = true/' /etc/au/net/agent.toml
ok as alice au net why www.allowed.test
ok as alice au net restrict
! grep -q ech /etc/au/net/agent.toml || fail "the word was written again"

promise="a dry run has nft read the rules: what it would not take is refused before anything changes"
mkdir /usr/local/lib/covered # programs do not start from /run everywhere
cat >/usr/local/lib/covered/no-nft <<'SH'
#!/bin/sh
case "$*" in
*-c*) grep -q au_net_check && exit 0; echo "a rule that nft does not take" >&2; exit 1 ;;
esac
exec /usr/local/lib/covered/nft "$@"
SH
cp /usr/sbin/nft /usr/local/lib/covered/nft
chmod 755 /usr/local/lib/covered/*
cp /etc/au/net/agent.toml /run/before
if ! as alice unshare -Urn true 2>/dev/null; then
	echo "no user namespaces: not tried"
elif mount --bind /usr/local/lib/covered/no-nft /usr/sbin/nft; then
	fails 1 as alice au net restrict --backend nft --allow git.test --dry-run
	complains "nft does not take the rules"
	fails 1 as alice au net restrict --backend nft --allow git.test
	complains "nft does not take the rules"
	umount /usr/sbin/nft
	cmp /run/before /etc/au/net/agent.toml || fail "the policy changed"
fi

promise="every format of show is what the programs take"
ok as alice au net show --format nft
ok sh -c 'runuser -l alice -c "au net show --format nft" | nft -c -f -'
ok sh -c 'runuser -l alice -c "au net show --format iptables" | sed "/^# ip6tables/,\$d" | iptables-restore -n --test'
ok sh -c 'runuser -l alice -c "au net show --format iptables" | sed "1,/^# ip6tables/d" | ip6tables-restore -n --test'
ok sh -c 'runuser -l alice -c "au net show --format toml" | cmp - /etc/au/net/agent.toml'
for format in nft iptables units toml; do
	fails 1 sh -c "runuser -l alice -c 'au net show --format $format >/dev/full'"
	complains "no space left on device"
done

promise="the log follows: a refusal is shown as it comes"
(as alice timeout 120 au net log -f --denied >/run/followed 2>&1) &
sleep 1
untouched agent curl -sS --max-time 10 https://mirror.test/
soon grep -q mirror.test /run/followed
