#!/bin/sh
# A file that a newer au wrote is refused in one line that names it, before anything has changed: runs, and all that would change the agent.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
wrote="a newer au than this one wrote it"
config=/home/alice/.config/agent-as-unix-user.toml
as alice mkdir project
ok as alice au new -y --tasks 300
ok as alice au mount add project

# refused STATUS COMMAND… fails with the line $line.
refused() {
	fails "$@"
	complains "$line"
}

promise="a policy of a later version shuts the agent, and nothing mends it by writing it anew"
policy=/etc/au/agents/agent
cp -p $policy /run/kept
{ echo "au-policy 3"; sed 1d /run/kept; } >$policy
snapshot newer
line="au: policy $policy: line 1: au-policy 3: $wrote"
refused 125 as alice au run true
refused 125 as alice /usr/local/libexec/au/au-complete run true
for words in 'new -y' 'delete -y -H' 'grant -y bob' 'revoke bob' 'limits set --tasks 50' 'net restrict --allow allowed.test' 'pause' 'mount add --rw project'; do
	refused 1 as alice au $words
done
refused 125 as alice /usr/local/libexec/au/agent/su_as_agent agent -- true
fails 1 as alice au info
says "policy $policy: line 1: au-policy 3: $wrote"
fails 1 as alice au doctor
says "broken policy-unreadable: agent agent: policy $policy: line 1: au-policy 3: $wrote"
says_not "left-behind"
e2e_run as alice au doctor --fix -y
unchanged newer
cp -p /run/kept $policy
ok as alice au run true

promise="so does the record of limits, for limits"
record=/etc/au/limits/agent
cp -p $record /run/kept
sed -i 's/^au-limits 1$/au-limits 2/' $record
snapshot newer
line="$record: line 1: au-limits 2: $wrote"
for words in 'limits set --tasks 50' 'limits reset' 'limits show'; do refused 1 as alice au $words; done
unchanged newer
cp -p /run/kept $record

promise="a share with a key that is not known may be less than it seems: no run begins, and the share is not written anew without the key"
sed -i '/^source = .*project/a only_below = "src"' $config
snapshot newer
line="share \"/home/alice/project\": $config:"
refused 125 as alice au run true
complains 'unknown key "only_below" below [[agents.mounts]]; it may take something from the agent, and a newer au may know it'
fails 1 as alice au doctor
says "broken share-key: agent agent: share /home/alice/project: $config:"
line='it may take something from the agent'
refused 1 as alice au mount add --rw project
refused 1 as alice au mount add --draft project
refused 1 as alice au export
unchanged newer
promise="root's export of everybody's agents names it and has the rest, and --prune leaves it alone"
ok as bob au new -y -a second
snapshot newer
root_export() { sh -c 'env -u SUDO_USER au export >/run/now.toml'; }
fails 1 root_export
complains 'au: agent "agent" is left out: share "/home/alice/project": '
ok cat /run/now.toml
says '# Left out: agent, which cannot be read: share '
says 'keep = ["agent"]'
says 'user_name = "second"'
says_not 'user_name = "agent"'
sed -i 's/^keep = .*/&\nhumans = ["alice", "bob"]/' /run/now.toml
ok sh -c 'env -u SUDO_USER au apply -y --prune --detailed-exitcode - </run/now.toml'
says 'nothing to do'
fails 1 sh -c 'env -u SUDO_USER au export -a agent'
[ ! -s "$e2e/out" ] || fail "it should have printed nothing"
unchanged newer
mv /etc/au/agents/second /run/second
echo 'au-policy 9' >/etc/au/agents/second
fails 1 root_export
complains 'au: agent "second" is left out: policy /etc/au/agents/second: '
ok grep -x 'keep = \["agent", "second"\]' /run/now.toml
mv /run/second /etc/au/agents/second
ok as bob au delete -y -a second
snapshot newer
promise="and the key stays while the file is edited"
ok as alice au path add /usr/games
grep -q '^only_below = "src"$' $config || fail "the key is lost"
ok as alice au path remove /usr/games
sed -i '/^only_below/d' $config
ok as alice au run true

promise="a draft of a later version is neither used nor changed"
as alice sh -c 'echo one >project/file'
ok as alice au run --draft project sh -c 'echo two >/home/alice/project/file'
state=$(dirname "$(as alice sh -c 'cd project && au draft path' 2>/dev/null)")
sed -i 's/"version": 1/"version": 2/' "$state/draft.json"
snapshot newer
line="$state/draft.json: version 2: $wrote"
refused 125 as alice au run --draft project true
for words in 'list' 'diff' 'keep' 'drop' 'undo'; do refused 1 as alice sh -c "cd project && au draft $words </dev/null"; done
unchanged newer
ok as alice au list
complains "$line"
ok as alice au run true
sed -i 's/"version": 2/"version": 1/' "$state/draft.json"
ok as alice sh -c 'cd project && au draft keep -y'
[ "$(cat /home/alice/project/file)" = two ] || fail "the draft is lost"

promise="a network policy of a later version, or with an unknown key, is neither loosened nor written anew"
internet_up
ok as alice au net restrict --allow allowed.test
soon agent curl -sS --max-time 20 https://allowed.test/
net=/etc/au/net/agent.toml
cp -p $net /run/kept
for change in 's/^version = 1$/version = 2/' '/^version = 1$/a only-reading = true'; do
	sed -i "$change" $net
	snapshot newer
	line="$net: network policy: "
	for words in 'status' 'allow other.test' 'deny other.test' 'why other.test' 'show' 'restrict --allow other.test' 'off'; do
		refused 1 as alice au net $words
		grep -q "$wrote\|unknown key \"only-reading\": a newer au than this one may have written it" $e2e/err || fail "it is not said that a newer au wrote it"
		! grep -q 'hint: au net' $e2e/err || fail "it is advised to write it anew"
	done
	refused 1 as alice au delete -y -H
	unchanged newer
	promise="what it forbids stays forbidden: while all goes on, and after its daemon was started again"
	untouched agent curl -sS --max-time 3 https://attacker.test/
	[ "$e2e_status" != 0 ] || fail "it was reached"
	e2e_run timeout 10 systemctl restart au-net@agent.service
	untouched agent curl -sS --max-time 3 https://attacker.test/
	untouched agent curl -sS --max-time 3 https://203.0.113.66/
	cp -p /run/kept $net
done
promise="once the older policy is back, what it allows can be reached again"
e2e_run systemctl restart au-net@agent.service
soon agent curl -sS --max-time 20 https://allowed.test/
ok as alice au net off
