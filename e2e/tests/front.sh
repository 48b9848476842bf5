#!/bin/sh
# A plain run is started by the front program alone, and is the same run that the complete program starts.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
complete=/usr/local/libexec/au/au-complete
ok as alice au new -y
as alice mkdir -p shared/deep read other
ok as alice au mount add --rw shared
ok as alice au mount add read

# both FOLDER WORDS… runs WORDS in FOLDER through either program, and compares all that comes out.
both() {
	folder=$1
	shift
	for program in au $complete; do
		as alice env COLORTERM=yes LC_TIME=C https_proxy=http://proxy:3128 sh -c 'cd "$0" && exec "$@"' "$folder" $program "$@" >$e2e/${program##*/}.out 2>$e2e/${program##*/}.err </dev/null
		echo $? >>$e2e/${program##*/}.out
	done
	e2e_last="au $*, in $folder"
	cmp $e2e/au.out $e2e/au-complete.out && cmp $e2e/au.err $e2e/au-complete.err || fail "the two programs differ: $(diff $e2e/au.out $e2e/au-complete.out; diff $e2e/au.err $e2e/au-complete.err)"
}
look='pwd; env | grep -v "^AU_" | sort; sed "s/^[0-9]* [0-9]* [0-9:]*//" /proc/self/mountinfo; id; exit 7'
for folder in /home/alice /home/alice/shared/deep /home/alice/read /home/alice/other / /tmp; do
	both $folder run sh -c "$look"
	both $folder run --agent=agent -- sh -c "$look"
	both $folder run --no-shares sh -c "$look"
	both $folder run --login -- sh -c "$look"
	both $folder shell
done
sed -i 's/^bootstrapped = true/&\nkeep_env = ["COLORTERM", "LC_*"]/' /home/alice/.config/agent-as-unix-user.toml
both /home/alice run env
grep -q LC_TIME=C $e2e/au.out || fail "keep_env is not kept"
both /home/alice run --keep-proxy env
grep -q https_proxy=http://proxy:3128 $e2e/au.out || fail "--keep-proxy passes nothing on"
sed -i 's/^keep_env/keepenv/' /home/alice/.config/agent-as-unix-user.toml
both /home/alice run env
grep -q 'unknown key "keepenv" below \[\[agents\]\]: want keep_env' $e2e/au.err || fail "an unknown key is not named: $(cat $e2e/au.err)"
both /home/alice list
grep -q 'want keep_env' $e2e/au.err || fail "an unknown key is not named in a list: $(cat $e2e/au.err)"
sed -i 's/^keepenv/keep_env/' /home/alice/.config/agent-as-unix-user.toml
promise="what has to be said is said, whichever program is called"
for words in 'run' 'run --' 'run --nosuch true' 'run -a nosuch true' 'run -a Bad true' 'run --agent=agent' 'shell --help' '--version' 'list' 'nosuch' 'run nosuch-command' 'run -- --' 'run -- -x' 'run -a agent -- --'; do
	both /home/alice $words
done
ok as alice au pause
both /home/alice run true
ok as alice au resume
chmod o+x /home/alice
both /home/alice run true
grep -q 'others can enter your home' $e2e/au.err || fail "an open home is not said: $(cat $e2e/au.err)"
chmod o-x /home/alice
setfacl -m u:bob:x /home/alice
both /home/alice run true
grep -q 'others can enter your home /home/alice (ACL user:' $e2e/au.err || fail "an ACL that came later is not said: $(cat $e2e/au.err)"
setfacl -b /home/alice
as alice rmdir read
both /home/alice run true
grep -q 'is not there any more' $e2e/au.err || fail "a vanished share is not said: $(cat $e2e/au.err)"
as alice mkdir read
both /home/alice/other run true
grep -q 'is not shared, so the agent' $e2e/au.err || fail "an unshared folder is not said: $(cat $e2e/au.err)"

promise="the complete program is not needed for a plain run, and is named where it is missing"
mv $complete $complete.away
ok as alice au run true
ok as alice au run --no-shares --keep-proxy --login true
ok as alice au shell
ok as alice au list
for words in info 'net status' '--human alice info' --version nosuch; do
	fails 1 as alice au $words
	complains 'install au again'
done
for words in 'run -a nosuch true' 'shell -a nosuch' '-C x run true'; do
	fails 125 as alice au $words
	complains 'install au again'
done
fails 125 as alice sh -c 'cd other && exec au run true'
promise="nor is it for the look after a run that has left nothing, and the status is the run's in any case"
ok as alice sh -c 'cd shared && exec au run touch deep/made'
silent
fails 7 as alice sh -c 'cd shared && exec au run sh -c "echo >deep/.envrc; exit 7"'
complains 'install au again'
fails 7 as alice sh -c 'cd shared && exec au run sh -c "exit 7"'
silent
mv $complete.away $complete
fails 7 as alice sh -c 'cd shared && exec au run sh -c "echo x >deep/.envrc; exit 7"'
complains 'deep/.envrc'
ok as alice sh -c 'cd shared && exec au run true'
silent

promise="root's run is the complete program's"
ok au --human alice run id -un
says agent

promise="what could not be printed is no success"
for command in list info --version; do
	for program in au $complete; do
		fails 1 as alice sh -c "$program $command >/dev/full"
		complains 'no space left on device'
	done
done
