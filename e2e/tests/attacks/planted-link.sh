#!/bin/sh
# A symbolic link that an agent puts into a share leads no command of the human's out of it, and none of another agent's runs into it.
. /opt/e2e/tests/attacks/common
complete=/usr/local/libexec/au/au-complete
once=/home/alice/.config/agent-as-unix-user.once
[ -e /etc/au/agents/reviewer ] || ok as alice au new -y -a reviewer
as alice sh -c 'mkdir -p w/docs w/store/dep w/node_modules v .keys/in own; chmod 700 .keys; echo PRIVATE >.keys/id; echo "KEY=PRIVATE" >.keys/env; echo "KEY=public" >w/env; ln -s ../.keys own/keys; ln -s w short'
ok as alice au mount add --rw w
ok as alice au mount add --rw -a reviewer v
ok as alice au run sh -c 'cd w && mv docs was && ln -s ../.keys docs && ln -s /home/alice/.keys abs && ln -s docs twice && ln -s ../own/keys over && ln -s ../v other && ln -s ../.keys/env planted.env && ln -s ../store/dep node_modules/dep && ln -s .. up'

# refused COMMAND…: nothing of it is given, and it says where the link leads
refused() {
	for au in ${programs:-au}; do
		e2e_run as alice sh -c "cd && $*" "$au"
		[ "$e2e_status" != 0 ] || fail "it should have been refused"
		! grep -qE 'PRIVATE|EVIL' $e2e/out || fail "the agent got it"
		complains 'is a symbolic link to /home/alice'
		[ ! -e /home/alice/.keys/EVIL ] || fail "the agent wrote there"
		! grep -q 'keys' /home/alice/.config/agent-as-unix-user.toml || fail "it was put into the config"
	done
}
look='sh -c "cat ~/.keys/id ~/in ~/env; touch ~/.keys/EVIL"'
for who in agent reviewer; do
	for word in docs abs twice over up/.keys docs/in docs/../.keys /home/alice/w/docs ./docs/ ../short/docs; do
		refused "cd w; \$0 run -a $who --ro $word $look"
		refused "cd w; \$0 mount add -a $who --rw $word"
	done
	refused "cd w; \$0 run -a $who --rw docs $look"
	refused "cd w; \$0 mount add -a $who docs"
	refused "\$0 run -a $who -d w/docs pwd"
	refused "\$0 run -a $who --env-file w/planted.env env"
	refused "\$0 run -a $who --env-file w/docs/env env"
	refused "\$0 mount check -a $who w/docs"
	refused "\$0 mount remove -a $who w/docs"

	# Here the kernel says ~/.keys, and \$PWD where the human thinks they are.
	for here in w/docs w/abs w/twice w/over w/docs/in short/docs; do
		programs="au $complete" refused "cd $here; \$0 run -a $who $look"
		refused "cd $here; \$0 run -a $who --rw . $look"
		refused "cd $here; \$0 run -a $who --ro ../.keys $look"
		refused "cd $here; \$0 run -a $who -d . pwd"
		refused "cd $here; \$0 mount add -a $who ."
	done
done
promise="a link into another agent's share, or of another agent's, is not followed either"
refused 'cd w; $0 run --rw other ls'
refused 'cd w; $0 mount add -a reviewer --rw other'
refused 'cd w; $0 run -a reviewer --ro node_modules/dep ls'
refused 'cd w/node_modules/dep; $0 run -a reviewer --ro . ls'

promise="nor is one in an agent's home"
as alice sh -c 'au run -d ~agent sh -c "ln -s /home/alice/.keys planted && ln -s /home/alice/.keys/env planted.env"'
for who in agent reviewer; do
	for word in planted planted/in; do
		refused "\$0 mount add -a $who ~agent/$word"
		refused "\$0 mount add -a $who --rw ~agent/$word"
		refused "\$0 run -a $who --ro ~agent/$word $look"
		refused "\$0 mount check -a $who ~agent/$word"
	done
	refused "\$0 run -a $who --env-file ~agent/planted.env env"
	refused "cd ~agent/planted; \$0 mount add -a $who ."
done
as alice au run -d /home/agent rm planted planted.env

promise="links of the human's own, and those that stay in the share of the same agent, are ordinary"
for au in au $complete; do
	ok as alice sh -c 'cd w/node_modules/dep && '$au' run pwd'
	says_exactly /home/alice/w/store/dep
	ok as alice sh -c 'cd short && '$au' run pwd'
	says_exactly /home/alice/w
	ok as alice sh -c 'cd short/was && '$au' run pwd'
	says_exactly /home/alice/w/was
done
ok as alice au run --rw w/node_modules/dep true
ok as alice au run -a reviewer --ro short/was ls w/was
ok as alice au run --env-file w/env -- sh -c 'echo $KEY'
says_exactly public
ok as alice sh -c 'echo "KEY=piped" | au run --env-file /dev/stdin -- sh -c "echo \$KEY"'
says_exactly piped
ok as alice bash -c 'au run --env-file <(echo KEY=shells) -- sh -c "echo \$KEY"'
says_exactly shells

promise="what was shared for one run, or is shared no longer, is remembered"
as alice mkdir -p once/docs
[ ! -e $once ] || fail "nothing was to be remembered yet"
ok as alice au run --rw once sh -c 'cd once && mv docs was && ln -s ../.keys docs'
refused 'cd once; $0 run --ro docs cat .keys/id'
refused 'cd once/docs; $0 run -a reviewer --rw . ls'
refused 'cd once; $0 run --rw . --ro docs cat .keys/id'
ok as alice au mount remove w
refused 'cd w; $0 run --ro docs cat .keys/id'
refused 'cd w; $0 mount add -a reviewer docs'
ok stat -c '%a %U' $once
says_exactly '600 alice'
ok as alice au mount add --rw w
ok as alice au mount remove w
[ "$(grep -c /home/alice/w $once)" = 1 ] || fail "a folder is remembered once"
ok as alice au mount remove -a reviewer v
ok as alice au delete -y -H -a reviewer
! grep -q reviewer $once || fail "a deleted agent is remembered"

promise="a source that became a link is not followed"
as alice sh -c 'mkdir -p src/in src/in/sub'
ok as alice au mount add --rw src/in
as alice sh -c 'mv src src2; ln -s .keys src'
for au in au $complete; do
	fails 2 as alice $au run ls -A src/in
	complains 'a symbolic link is in its place, or on the way to it'
done
ok as alice au mount remove src/in
as alice sh -c 'rm -rf w v src src2 once own short .keys'
rm -f $once
