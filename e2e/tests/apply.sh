#!/bin/sh
# au apply makes a machine what a file says, for several humans, as root without a terminal. The second time it changes nothing, and what au export prints changes nothing, either. A wrong file is refused with the place of the mistake, and changes nothing.
# machines: trixie
# machines by hand: bookworm
# flavour: disks
# timeout: 1800
. /opt/e2e/lib.sh
for who in alice bob; do
	chmod 0700 /home/$who
	for folder in code books; do as $who mkdir /home/$who/$folder; done
done
apply() { env -u SUDO_USER au apply -y --detailed-exitcode "$@" </dev/null; }
cat >/root/agents.toml <<'END'
# Two people, three agents.
humans = ["alice"]

[[agents]]
user_name = "builder"
unlock = ["userns"]
keep_env = ["TZ"]
path = ["~/code/bin"]

[agents.limits]
cpu = "150%"
memory = "1G"
tasks = 400

[agents.net]
presets = ["npm"]
allow = ["pypi.org", "github.com:22"]
deny = ["ads.example.com"]
allow_localhost = [3000]

[[agents.mounts]]
source = "~/code"
read_only = false

[[agents]]
user_name = "reviewer"
humans = ["alice", "bob"]

[agents.limits]
tasks = 300

[[agents.mounts]]
source = "~/books"

[[agents.mounts]]
human = "bob"
source = "~/code"
draft = true
hide = ["*.key"]

[[agents.only]]
human = "bob"
set_env = ["PAGER=cat"]

[[agents]]
user_name = "helper"
humans = ["bob"]
END

promise="a wrong file is refused with the place of the mistake, and changes nothing"
snapshot
wrong() {
	sed "$1" /root/agents.toml >/root/wrong.toml
	! cmp -s /root/agents.toml /root/wrong.toml || fail "sed '$1' changes nothing"
	fails 1 apply /root/wrong.toml
	complains "$2"
	[ "$(head -c 17 "$e2e/err")" = /root/wrong.toml: ] || fail "the message should begin with the place"
	unchanged before
}
wrong 's/^tasks = 400/pids = 400/' '/root/wrong.toml:13:1: unknown key "pids" in limits: want one of'
wrong 's/^cpu = .*/cpu = true/' '/root/wrong.toml:11:1: cpu is a boolean: want a string'
wrong 's/^memory = .*/memory = "much"/' '/root/wrong.toml:12:10: memory: '
wrong 's/"npm"/"nmp"/' '/root/wrong.toml:16:12: presets: preset "nmp": want one of'
wrong 's/~\/books/~\/nowhere/' '/root/wrong.toml:33:1: agent "reviewer": share "/home/alice/nowhere": no such file or directory'
wrong 's/"reviewer"/"builder"/' '/root/wrong.toml:26:1: agent "builder" is here a second time'
wrong 's/"reviewer"/"root"/' '/root/wrong.toml:26:13: user_name: agent name "root": that name is reserved'
wrong 's/"reviewer"/"carol"/' '/root/wrong.toml:26:1: agent "carol": user "carol" exists and au did not make it'
wrong 's/, "bob"/, "nobody-here"/' 'human "bob" is not one of agent "reviewer"'
wrong 's/^humans = \["bob"\]/humans = ["nobody-here"]/' 'humans of agent "helper": human "nobody-here": no such user on this machine'
wrong 's/^unlock = .*/unlock = [/' '/root/wrong.toml:'

promise="a dry run prints the plan and changes nothing"
ok env -u SUDO_USER au apply --dry-run /root/agents.toml
says '$ au --human alice new --agent builder --unlock userns --cpu 150% --mem 1G --tasks 400 --yes'
says '$ mkdir -p -m 0755 /etc/au'
unchanged before

promise="as root without a terminal a file makes three agents for two people, each with what it says"
fails 3 apply /root/agents.toml
says "The machine is as /root/agents.toml says"
ok as alice au run -a builder id -un
says_exactly builder
ok as alice au limits show -a builder
says "150%"
says "1G"
ok as alice au net why -a builder pypi.org
fails 1 as alice au net why -a builder elsewhere.example
fails 1 as alice au net why -a builder ads.example.com
ok as alice au run -a builder touch /home/alice/code/made
ok stat -c %U /home/alice/code/made
says_exactly alice
ok as bob au run -a reviewer sh -c 'echo $PAGER; touch /home/bob/code/made'
says_exactly cat
[ ! -e /home/bob/code/made ] || fail "what is in a draft reached the folder"
fails 1 as alice au run -a reviewer touch /home/alice/books/made
fails 125 as alice au run -a helper true
ok stat -c '%U %a' /home/bob/.config/agent-as-unix-user.toml
says_exactly 'bob 600'

promise="the second time nothing changes"
snapshot
ok apply /root/agents.toml
says "The machine is as /root/agents.toml says; nothing to do"
[ ! -s "$e2e/err" ] || fail "it complained"
unchanged before

promise="what au export prints changes nothing, for root and for each human"
ok sh -c 'env -u SUDO_USER au export >/root/now.toml && env -u SUDO_USER au apply -y --prune --detailed-exitcode - </root/now.toml'
says "nothing to do"
for who in alice bob; do
	ok as $who sh -c 'au export | au apply -y --prune --detailed-exitcode -'
	says "nothing to do"
done
ok as alice au net allow -a builder --for 2h later.example
ok as alice au net deny -a builder --reason 'not here' never.example
ok as alice au limits set -a builder --cpu-weight 50
ok as alice au mount add -a builder --target-only /home/alice/books
snapshot
ok sh -c 'env -u SUDO_USER au export | env -u SUDO_USER au apply -y --prune --detailed-exitcode /dev/stdin'
unchanged before

promise="what the file does not name stays, and --prune takes it away"
fails 3 apply /root/agents.toml
complains "left as it is, and not in /root/agents.toml: share /home/alice/books of agent builder"
fails 1 as alice au net why -a builder never.example
ok as alice au net why -a builder later.example
sed '/^user_name = "helper"/,$d' /root/agents.toml | sed '$d' >/root/fewer.toml
ok as bob touch /home/bob/code/kept
fails 3 apply --prune --json /root/fewer.toml
says '"changed": true'
says '"command": "au --human bob delete --agent helper --yes"'
fails 1 id helper
[ -d /home/helper ] || fail "the home of an agent that was pruned is gone"
ok as alice au mount list -a builder
says_not books
ok apply --prune /root/fewer.toml

promise="a share that the file names by a link stays, as its human finds it, where root cannot look"
as alice mkdir real fuse
as alice ln -s /home/alice/books real/link
as bob mkdir fuse
as bob ln -s /home/bob/books fuse/link
ok as alice bindfs --no-allow-other real fuse
fails 2 ls /home/alice/fuse/
sed 's|~/books|~/fuse/link|' /root/fewer.toml >/root/linked.toml
ok as alice au mount list -a reviewer
says /home/alice/books
ok apply --prune /root/linked.toml
says "nothing to do"
as alice rm real/link
as alice ln -s /home/alice/code real/link
fails 3 apply --prune --dry-run /root/linked.toml
says 'au --human alice mount remove --agent reviewer --yes /home/alice/books'
says_not 'au --human bob'
ok as alice sh -c 'fusermount3 -u fuse 2>/dev/null || fusermount -u fuse'

promise="a human who does not run as root acts for themselves alone"
cat >/home/alice/mine.toml <<'END'
[[agents]]
user_name = "reviewer"
humans = ["alice", "bob"]

[[agents.mounts]]
human = "alice"
source = "~/books"
read_only = false
END
chown alice: /home/alice/mine.toml
fails 3 as alice au apply -y --detailed-exitcode /home/alice/mine.toml
says "au mount add --agent reviewer --replace --rw --yes /home/alice/books"
ok as alice au apply -y --detailed-exitcode /home/alice/mine.toml
ok as bob au mount list -a reviewer
says /home/bob/code
sed 's/"alice", "bob"/"bob"/; /^human = /d' /home/alice/mine.toml >/home/alice/theirs.toml
chown alice: /home/alice/theirs.toml
fails 1 as alice au apply -y theirs.toml
complains 'theirs.toml:3:1: agent "reviewer": au acts for the one who runs it'

promise="a file that an agent or a stranger can write is refused"
cp /home/alice/mine.toml /home/alice/code/mine.toml
chown alice: /home/alice/code/mine.toml
fails 1 as alice au apply -y /home/alice/code/mine.toml
complains 'which agent "builder" can write'
chmod 0666 /home/alice/mine.toml
fails 1 as alice au apply -y /home/alice/mine.toml
chmod 0644 /home/alice/mine.toml
fails 1 apply /home/alice/mine.toml
cp /home/alice/mine.toml /root/mine.toml
chown root: /root/mine.toml
ok apply /root/mine.toml

promise="killed in the middle, the same command goes on"
ok env -u SUDO_USER au --human alice delete -y -H -a builder
ok env -u SUDO_USER au --human alice delete -y -H -a reviewer
for after in 0.3 0.7 1.5 3; do
	timeout -s KILL $after sh -c 'exec env -u SUDO_USER au apply -y /root/agents.toml' </dev/null >/dev/null 2>&1 || true
	soon sh -c '! pgrep -xa "au|au-complete" | grep -qv " net \(serve\|watch\)"' # what it had begun; those two stay
done
e2e_run apply /root/agents.toml
[ "$e2e_status" = 0 ] || [ "$e2e_status" = 3 ] || fail "it should have exited 0 or 3"
ok apply /root/agents.toml
says "nothing to do"
ok as alice au run -a builder id -un
says_exactly builder

promise="where a step fails, au says what is done and what is not"
ok env -u SUDO_USER au --human alice delete -y -H -a reviewer
mv /usr/bin/setfacl /usr/bin/setfacl.real
printf '#!/bin/sh\n[ "$(id -u)" != 0 ] || [ ! -e /home/reviewer ] || exit 1\nexec /usr/bin/setfacl.real "$@"\n' >/usr/bin/setfacl
chmod 755 /usr/bin/setfacl
fails 1 apply /root/agents.toml
complains "commands are done. These are not:"
complains "au:   au --human alice new --agent reviewer"
complains "au: hint: au apply -y --detailed-exitcode /root/agents.toml"
mv /usr/bin/setfacl.real /usr/bin/setfacl
fails 3 apply /root/agents.toml
ok apply /root/agents.toml

promise="told to end, au ends before the next command, and says what is not done"
ok env -u SUDO_USER au --human alice delete -y -H -a reviewer
mv /usr/bin/setfacl /usr/bin/setfacl.real
printf '#!/bin/sh\npkill -TERM -f "^[^ ]*au apply "\nexec /usr/bin/setfacl.real "$@"\n' >/usr/bin/setfacl
chmod 755 /usr/bin/setfacl
fails 1 apply /root/agents.toml
complains "told to end by a signal"
complains "commands are done. These are not:"
mv /usr/bin/setfacl.real /usr/bin/setfacl
fails 3 apply /root/agents.toml
ok apply /root/agents.toml
