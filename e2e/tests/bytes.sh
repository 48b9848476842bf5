#!/bin/bash
# Unix names are bytes: what is not UTF-8 reaches the command, shares and reports as it is.
# machines: trixie
. /opt/e2e/lib.sh
ok as alice au new -y
odd=$'d\351"\\ \x80\xff'
config=/home/alice/.config/agent-as-unix-user.toml
# hex TEXT prints its bytes.
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
# gives TEXT sees whether the last command printed these bytes and nothing else.
gives() { [ "$(od -An -v -tx1 <"$e2e/out" | tr -d ' \n')" = "$(hex "$1")" ] || fail "standard output should be the bytes $(hex "$1")"; }

promise="arguments and values are the same bytes with and without options of au's"
for options in "" "--" "-e A=1" "--login" "-d /" "-a agent" "-e A=1 --" "--env-file vars"; do
	as alice sh -c 'printf "B=\351\n" > vars'
	# shellcheck disable=SC2086 # several words
	ok as alice au run $options printf %s "$odd"
	gives "$odd"
done
ok as alice au run -e "V=$odd" sh -c 'printf %s "$V"'
gives "$odd"
ok as alice env "V=$odd" au run -e V sh -c 'printf %s "$V"'
gives "$odd"
ok as alice au run --env-file vars sh -c 'printf %s "$B"'
gives $'\351'
at_terminal alice au run -e "V=$odd" sh -c 'printf %s "$V" | od -An -v -tx1 | tr -d " \n"' >"$e2e/out" 2>&1 </dev/null
says "$(hex "$odd")"

promise="folders are the same bytes in --ro, --rw and -d"
as alice mkdir "$odd" "$odd/sub" "$odd.other"
as alice sh -c 'echo hello > "$1/file"' - "$odd"
ok as alice au run --ro "$odd" cat "$odd/file"
says_exactly hello
ok as alice au run --rw "$odd" -d "$odd/sub" pwd
gives "/home/alice/$odd/sub"$'\n'
ok as alice sh -c 'cd "$1/sub" && au run --rw .. pwd' - "$odd"
gives "/home/alice/$odd/sub"$'\n'

promise="a share with such a name is written in the config as a file: URL, and holds"
ok as alice au mount add --rw "$odd"
grep -qF 'source = "file:///home/alice/d%E9%22%5C%20%80%FF"' "$config" || fail "$(cat "$config")"
ok as alice au mount add "$odd.other" "work/$odd"
ok as alice sh -c 'cd "$1/sub" && au run pwd' - "$odd"
gives "/home/alice/$odd/sub"$'\n'
ok as alice au run ls work
gives "$odd"$'\n'
ok as alice au mount list --json
output | python3 -c '
import json, sys, urllib.parse, os
got = [urllib.parse.unquote_to_bytes(share["source"].removeprefix("file://")) for share in json.load(sys.stdin)]
want = b"/home/alice/" + os.fsencode(sys.argv[1])
assert got == [want, want + b".other"], got
' "$odd" || fail "the sources should read back as bytes"

promise="as root for alice, it is the same share"
ok au --human alice mount list --json
says 'file:///home/alice/d%E9%22%5C%20%80%FF'
ok au --human alice mount remove "/home/alice/$odd.other"
ok as alice au mount list --json
says_not .other

promise="what a run changes there is reported, and found"
ok as alice sh -c 'cd "$1" && git init -q && au run sh -c "echo x > .git/hooks/pre-commit; chmod 755 .git/hooks/pre-commit"' - "$odd"
complains pre-commit
fails 1 as alice au mount check --json "$odd"
output | python3 -c 'import json, sys; c = json.load(sys.stdin)[0]; assert c["source"] == "file:///home/alice/d%E9%22%5C%20%80%FF" and c["findings"], c' ||
	fail "the source should be a file: URL"

promise="it is taken back by its name"
ok as alice au mount remove "$odd"
ok as alice au mount list
says_exactly 'Nothing is shared with agent agent.'

promise="what au export prints of names that no terminal may get, au apply reads back"
steers=$'c1\302\233' turns=$'x\342\200\256y'
as alice mkdir "$steers"
ok as alice au mount add --draft --hide "$turns" "$steers"
ok as alice sh -c 'au export >now.toml'
grep -qF 'source = "/home/alice/c1\u009B"' /home/alice/now.toml || fail "$(cat /home/alice/now.toml)"
grep -qF 'hide = ["x\u202Ey"]' /home/alice/now.toml || fail "$(cat /home/alice/now.toml)"
ok as alice au apply -y --prune --detailed-exitcode now.toml
says "nothing to do"
