#!/bin/sh
# An agent of agent-as-unix-user is shown and not run; it is taken apart, or taken over, and nothing that is its human's is lost.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
here=/opt/e2e/tests/original
ours=/home/alice/.config/agent-as-unix-user.toml
groupadd --gid 900 team
usermod -aG team alice
chmod 750 /home/alice
as alice mkdir .config
snapshot

# made makes what the program itself has made (original/README.md), and somebody else's file in a share.
made() {
	rm -rf /home/alice/proj /home/alice/ref /home/alice/shared
	python3 $here/state.py make $here/state
	# The agent moved a copy of its own entrypoint aside, to become root later; one it has named twice.
	cp -a /home/agent/.config/agent-as-unix-user/su_as_agent /home/agent/.local/bin/aside
	cp -a /home/agent/.local/bin/aside /var/tmp/aside
	ln /home/agent/.local/bin/aside /home/agent/.local/bin/twice
	runuser -u agent -- sh -c 'setsid sleep 1000 &'
}

# entry NAME prints what that program writes into the config of an agent without shares.
entry() { sed "/agents.mounts/q; s/\"agent\"/\"$1\"/; s/su-as-agent\"/su-as-$1\"/; s|/home/agent/|/home/$1/|" $here/state/config.toml | grep -v mounts; }

# taken_back sees that alice has all that is hers, as it was, and that nothing that the agent made is left.
taken_back() {
	ok python3 $here/state.py human
	diff "$here/after" "$e2e/out" || fail "alice's files should be as in after"
	ok as alice sh -c 'cd ~ && find proj ref shared -type d ! -writable; find proj ref shared -type f ! -perm 444 ! -writable; cat $(find proj ref shared -type f) >/dev/null'
	says_not proj
	fails 1 sh -c 'find / -xdev -perm /6000 -path "*aside*" -o -xdev -perm /6000 -name twice -o -xdev -path "*su_as_agent-src*" | grep .'
	fails 1 pgrep -f 'sleep 1000'
}

made
ok as alice au list
says 'agent (default) (made by agent-as-unix-user 2.x: not run)'
fails 1 as alice au info
says '/home/alice/proj -> /home/agent/proj [rw]'
says 'lets the agent become root'
fails 125 as alice au run true
complains 'made by agent-as-unix-user 2.x'
complains 'au: hint: au new --agent agent'

promise="au delete takes apart what the program really makes, and says how to share the same folders again"
snapshot made
ok as alice au delete -y -H --dry-run
unchanged made
ok as alice au delete -y -H
says 'its group is not yours: /home/alice/shared'
grep '^au mount add' "$e2e/out" >"$e2e/again"
taken_back
ok find / -xdev '(' -uid 1003 -o -gid 1003 ')'
silent
unchanged before '/home/alice/(proj|ref|shared)(/| |$)' "$ours"
ok as alice au new -y
ok as alice sh -e "$e2e/again"
ok as alice au run sh -c 'cat proj/new ref/page elsewhere/shared/file && echo by-the-new-one >proj/made/by-the-new-one'
fails 2 as alice au run sh -c 'echo x >ref/page'
ok stat -c '%U %a' /home/alice/proj/made/by-the-new-one
says_exactly 'alice 644'
ok as alice au delete -y -H

promise="a folder of root's that it shared is taken back, too"
rm -f "$ours"
made
install -d -g team -m 2775 /srv/team
setfacl -m d:g:su-as-agent:rwx,g:su-as-agent:rwx /srv/team
install -o agent -g team /dev/null /srv/team/made
printf '[[agents.mounts]]\nsource = "/srv/team"\ntarget = "/home/agent/team"\nread_only = false\n' >>"$ours"
ok as alice au delete -y -H
says 'its group is not yours: /srv/team'
ok getfacl -Rpn /srv/team
says_not 1003
says_not default:
ok stat -c %U /srv/team /srv/team/made
says_exactly 'root
alice'
rm -r /srv/team

promise="with its home kept, the next agent has all that is in it, whichever of the two made it"
rm -f "$ours"
made
ok as alice au delete -y
taken_back
ok stat -c '%a %U' /home/agent
says_exactly '700 root'
# Somebody was made since, so that another uid would be the next one.
useradd --uid 1007 later
ok as alice au new -y
ok id -u agent
says_exactly 1003
userdel later
ok as alice au run sh -euc 'cat note by-alice shut/s && echo more >>by-alice && test -x .local/bin/tool; touch .config/new elsewhere/new shut/new; ! test -e .config/agent-as-unix-user'
ok as alice sh -euc 'cd /home/agent && echo more >>note && echo more >>elsewhere/new && cat README.md >/dev/null && touch .config/newer'
ok as alice au delete -y -H

promise="au new takes it over in one go: its home and its shares are the new one's"
rm -f "$ours"
made
ok as alice au new -y
complains 'It is taken apart first'
taken_back
ok as alice au info
says '/home/alice/shared -> /home/agent/elsewhere/shared [rw]'
ok as alice au run sh -euc 'cat proj/new ref/page elsewhere/shared/file note by-alice && touch proj/x .config/x'
fails 2 as alice au run sh -c 'echo x >ref/page'
ok as alice sh -euc 'cd /home/agent && echo more >>note && touch .config/y'
rm /home/alice/proj/x
taken_back
ok as alice au delete -y -H
unchanged before '/home/alice/(proj|ref|shared)(/| |$)' "$ours" /run/au

promise="where the human's home is open, read-only shares go over, and what the others want is said"
rm -f "$ours"
made
chmod 755 /home/alice
ok as alice au new -y
complains 'not shared any more: share "/home/alice/proj"'
complains 'au: hint: chmod o-rwx /home/alice && au mount add --agent agent --rw /home/alice/proj /home/agent/proj'
ok as alice au mount list
says '/home/alice/ref'
says_not '/home/alice/proj'
chmod 750 /home/alice
ok as alice au mount add --agent agent --rw /home/alice/proj /home/agent/proj
ok as alice au run test -e proj/new
ok as alice au delete -y -H

promise="a folder that another such agent shares is that one's still, until it goes, too"
rm -f "$ours"
made
groupadd --gid 1010 su-as-second
useradd --uid 1010 --no-user-group --create-home --home-dir /home/second --gid su-as-second second
mkdir -p /home/second/.config/agent-as-unix-user
install -m 4750 -g su-as-second /bin/true /home/second/.config/agent-as-unix-user/su_as_agent
setfacl -R -m d:g:su-as-second:rwx,g:su-as-second:rwx /home/alice/proj
entry second >>"$ours"
printf '[[agents.mounts]]\nsource = "/home/alice/proj"\ntarget = "/home/second/proj"\nread_only = false\n' >>"$ours"
ok as alice au delete -y -H
ok getfacl -p /home/alice/proj
says 'flags: -s-'
says 'default:group:su-as-second:rwx'
ok getfacl -Rpn /home/alice
says_not :1003:
ok as alice au delete -y -H -a second
ok getfacl -Rpn /home/alice
says_not :1010:
ok stat -c %a /home/alice/proj
says_exactly 755

promise="one that the program did not finish goes as well, and a user who had the name stays"
rm -f "$ours"
made
sed -i 's/bootstrapped = true/bootstrapped = false/; s/"0000*"/"<unknown>"/' "$ours"
ok as alice au delete -y -H
fails 1 id agent
groupadd su-as-carol
entry carol | sed 's/bootstrapped = true/bootstrapped = false/' >"$ours"
ok as alice au delete -y -H -a carol
ok id carol
fails 2 getent group su-as-carol
ok as alice au list
says 'No agents configured.'

promise="so does one whose name ours cannot have"
groupadd --gid 1010 su-as-Bot.v2
useradd --badname --uid 1010 --no-user-group --create-home --home-dir /home/Bot.v2 --gid su-as-Bot.v2 Bot.v2
entry Bot.v2 >"$ours"
fails 125 as alice au run -a Bot.v2 true
for words in 'new -y' stop 'mount list' 'limits show' 'net status' verify; do
	# shellcheck disable=SC2086 # words
	fails 1 as alice au $words -a Bot.v2
	complains 'au makes no agent of that name'
	complains 'au: hint: au delete --agent Bot.v2'
done
fails 1 as alice au info -a Bot.v2
says 'hint: au delete --agent Bot.v2'
ok as alice au delete -y -H -a Bot.v2
fails 1 id Bot.v2
fails 1 test -e /home/Bot.v2
fails 1 as alice au new -y -a Bot.v2
complains 'agent name "Bot.v2"'

promise="and so does one whose user, or group too, somebody has deleted: its home still says whose the files are"
for gone in 'userdel agent' 'userdel agent && groupdel su-as-agent'; do
	rm -f "$ours"
	made
	pkill -KILL -u agent
	ok sh -c "$gone"
	ok as alice au delete -y -H
	taken_back
	ok find / -xdev '(' -uid 1003 -o -gid 1003 ')'
	silent
done

promise="au info notices that its au still comes first on PATH"
ok as alice au new -y
ok as alice au info
[ ! -s "$e2e/err" ] || fail "nothing is wrong yet"
for how in 'pipx .local/share/pipx/venvs/agent-as-unix-user/bin' 'uv+tool .local/share/uv/tools/agent-as-unix-user/bin' 'pip .local/lib/old'; do
	as alice sh -euc 'mkdir -p .local/bin "$1" && printf "#!/usr/bin/python3\nfrom agent_as_unix_user import main\n" >"$1/au" && chmod 755 "$1/au" && ln -sf ~/"$1/au" .local/bin/au' sh "${how#* }"
	ok as alice /usr/local/bin/au info
	complains '/home/alice/.local/bin/au is what `au` means'
	complains "au: hint: $(echo "${how% *}" | tr + ' ') uninstall agent-as-unix-user"
	ok as alice env PATH=/usr/local/bin:/usr/bin:/bin au info
	complains 'wherever its folder is on PATH before'
done
rm -r /home/alice/.local
ok as alice au delete -y -H

promise="only root takes back, and only from an agent"
fails 1 as alice au files take-back --agent-uid 1003 --agent-gid 1003 --to 1000 --group 1000 /home/alice
complains 'only root can'
fails 1 au files take-back --agent-uid 0 --agent-gid 1003 --to 1000 --group 1000 /home/alice
fails 1 au files take-back --agent-uid 1003 --agent-gid 27 --to 1000 --group 1000 /home/alice
fails 1 au files take-back --agent-uid 1003 --agent-gid 1003 --to 1000 --group 1000 /home/bob
complains 'it belongs to uid 1001'
fails 1 au files disarm --group 0 /tmp
