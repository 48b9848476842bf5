#!/bin/sh
# For scripts: a command that has nothing left to do succeeds, changes nothing, and says that there is nothing to do.
# machines: trixie
. /opt/e2e/lib.sh
as alice mkdir proj
# twice COMMAND… does something the first time, and nothing the second.
twice() {
	ok as alice au "$@"
	snapshot again
	cp /home/alice/.config/agent-as-unix-user.toml /run/config
	ok as alice au "$@"
	says 'nothing to do'
	! grep -q '^\$ ' "$e2e/out" || fail "nothing should have been run"
	! grep -v '^au: warning: ' "$e2e/err" || fail "there is nothing to complain about"
	unchanged again
	cmp /run/config /home/alice/.config/agent-as-unix-user.toml || fail "the config should be as it was"
}

twice new -y
twice mount add proj
twice mount add --rw proj
ok as alice au mount add --rw -y proj proj
says 'nothing to do'
twice mount remove proj
ok as alice au mount remove nosuch
says 'nothing to do'
twice grant -y bob
twice revoke bob
twice limits set --mem 512M
twice limits reset
twice pause
twice resume
twice net restrict --allow pypi.org
twice net allow github.com
twice net deny example.com
twice net off
twice delete -y -H
ok as alice au delete
says_exactly 'There is no agent agent on this machine; nothing to do'

promise="but what is somebody else's, or is not meant, is refused"
fails 1 as alice au delete -y -a bob -H
fails 1 as alice au revoke nosuch
fails 1 as alice au mount remove proj
fails 1 as alice au pause
