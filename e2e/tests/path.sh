#!/bin/sh
# Folders that the human names are on the PATH of runs, behind the agent's own; what is not fit for it is refused, and later left out.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
config=/home/alice/.config/agent-as-unix-user.toml
usual=/home/agent/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
path_is() { # PATH
	for program in /usr/local/bin/au /usr/local/libexec/au/au-complete; do
		ok as alice $program run sh -c 'echo $PATH'
		says_exactly "$1"
	done
}
path_is $usual
# tool FOLDER WORD: alice has a program "tool" that says the word
tool() { as alice sh -c "mkdir -p $1 && printf '#!/bin/sh\necho $2 \"\$@\"\n' >$1/tool && chmod +x $1/tool"; }
tool .tools/bin of-alice
tool .other/bin of-other
fails 1 as alice au path add .tools/bin
complains 'path ".tools/bin": the agent does not see it'
ok as alice au mount add .tools
ok as alice au path add .tools/bin
says 'Agent agent finds the programs in /home/alice/.tools/bin from its next run on'
ok grep -x 'path = \["/home/alice/.tools/bin"\]' $config
path_is $usual:/home/alice/.tools/bin
ok as alice au run tool 1 '2 3'
says_exactly 'of-alice 1 2 3'
ok as alice au path add .tools/bin
says 'already; nothing to do'
[ "$(grep -c '^path' $config)" = 1 ] || fail "it should be there once"

promise="behind the agent's own, and a PATH that the human passes counts"
ok as alice au run sh -c 'mkdir -p ~/.local/bin && printf "#!/bin/sh\necho of-agent\n" >~/.local/bin/tool && chmod +x ~/.local/bin/tool'
ok as alice au run tool
says_exactly of-agent
ok as alice au run rm /home/agent/.local/bin/tool
ok as alice au run -e PATH=/usr/bin sh -c 'echo $PATH'
says_exactly /usr/bin

promise="the agent's own, root's, a link such as current, and a share at its target alone"
ok as alice au path add /home/agent/go/bin
install -d /opt/go/bin /opt/go2/bin
printf '#!/bin/sh\necho of-root\n' >/opt/go/bin/rooted
chmod 755 /opt/go/bin/rooted
ok as alice au path add /opt/go/bin
as alice sh -c 'ln -s bin .tools/current'
ok as alice au path add .tools/current
ok as alice au mount add --target-only .other
ok as alice au path add .other/bin
says 'Agent agent finds the programs in /home/agent/.other/bin'
path_is $usual:/home/alice/.tools/bin:/home/agent/go/bin:/opt/go/bin:/home/alice/.tools/current:/home/agent/.other/bin
ok as alice au run rooted
says_exactly of-root
ok as alice au path list
says_exactly '/home/alice/.tools/bin
/home/agent/go/bin
/opt/go/bin
/home/alice/.tools/current
/home/alice/.other/bin -> /home/agent/.other/bin'
ok as alice sh -c 'au path list --json | jq -c ".[4] | [.folder, .seen, .left_out]"'
says_exactly '["/home/alice/.other/bin","/home/agent/.other/bin",null]'
ok as alice au info
says '    - /home/alice/.tools/bin'
says '    - /home/alice/.other/bin -> /home/agent/.other/bin'
ok as alice sh -c 'au info --json | jq -c ".path[4], (.path | length)"'
says_exactly '{"folder":"/home/alice/.other/bin","seen":"/home/agent/.other/bin"}
5'
ok as alice au new -y
path_is $usual:/home/alice/.tools/bin:/home/agent/go/bin:/opt/go/bin:/home/alice/.tools/current:/home/agent/.other/bin

promise="with --login and in au shell it stands behind what the profile sets"
as alice sh -c 'au run sh -c "echo export FROM_PROFILE=yes >>~/.profile"'
ok as alice au run --login -- sh -c 'echo $FROM_PROFILE; tool x; rooted'
says_exactly 'yes
of-alice x
of-root'
ok as alice sh -c 'echo "echo \$FROM_PROFILE; tool in-shell; rooted; exit 5" | au shell; echo $?'
says yes
says 'of-alice in-shell'
says of-root
says 5

promise="a folder that others can write, another's, one that is not there, and what is no path are refused, and nothing has changed"
refused() { # TEXT FOLDER
	cp $config /run/before
	fails 1 as alice au path add "$2"
	complains "$1"
	ok cmp $config /run/before
}
install -d -m 777 /opt/open
install -d -o bob /opt/bobs
install -d -g users -m 775 /opt/group
refused 'everybody can write it' /opt/open
refused 'a folder of uid' /opt/bobs
refused 'can write it' /opt/group
refused 'no such folder' /opt/nosuch
refused 'want a folder, not a file' /opt/go/bin/rooted
refused 'without a colon' /opt/a:b
refused 'the agent does not see it' /home/bob
refused 'the agent does not see it' /home/alice
refused 'the agent does not see it' /tmp
refused 'the agent does not see it' .tools/../.third
fails 2 as alice au path add
fails 1 as alice au path add -a nosuch /opt/go/bin
complains 'nosuch: no such agent'

promise="what is not fit for it any more is left out of a run, and said, by either program"
left_out() { # WHY FOLDER
	for program in /usr/local/bin/au /usr/local/libexec/au/au-complete; do
		ok as alice $program run sh -c 'echo $PATH'
		says_not "$2"
		complains "au: warning: $2 is left out of the PATH of this run: "
		complains "$1"
	done
	ok as alice au path list
	says "$2 (left out: "
	ok as alice au info
	says "    - $2 (left out: "
}
chmod 777 /opt/go
left_out 'everybody can write it' /opt/go/bin
chmod 755 /opt/go
chown bob /opt/go/bin
left_out 'a folder of uid' /opt/go/bin
chown root /opt/go/bin
mv /opt/go /opt/gone
left_out 'no such folder' /opt/go/bin
mv /opt/gone /opt/go
ok as alice au mount remove .tools
left_out 'the agent does not see it' /home/alice/.tools/bin
fails 127 as alice au run tool.of.nobody
ok as alice au mount add .tools
ok as alice au run tool
says_exactly of-alice
[ ! -s /run/e2e/err ] || fail "nothing should be said"

promise="it is taken off again, and a config by hand is read"
for folder in .tools/bin /home/agent/go/bin .tools/current .other/bin; do ok as alice au path remove $folder; done
ok as alice au path remove .tools/bin
says 'nothing to do'
path_is $usual:/opt/go/bin
ok as alice au path remove /opt/go/bin
path_is $usual
ok as alice au path list
says 'Nothing but the usual'
sed -i 's/^path = .*//; s/^bootstrapped/path = ["relative", "\/opt\/go\/bin"]\n&/' $config
ok as alice au run sh -c 'echo $PATH'
says_exactly $usual:/opt/go/bin
complains 'relative is left out of the PATH of this run: want an absolute path'
sed -i 's/^path = .*/path = "\/opt\/go\/bin"/' $config
fails 125 as alice au run true
complains 'path is a string: want folders such as'
