#!/bin/bash
# When any step of au new fails, the steps before it are taken back.
# machines: bookworm
# timeout: 900
. /opt/e2e/lib.sh
. /opt/e2e/tests/stage/wrap.sh

# systemd made the folders that it mounted something on: empty, root's, and gone with the next boot. au delete takes them, the taking back does not.
as_before() { unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)' ' /run/au(/agent)?$'; }

wrap_commands
ok as alice au new -y
ok as alice au delete -y -H
snapshot
ok at 999 FAIL au new -y
ended
steps=$(counted)
[ "$steps" -ge 20 ] || fail "only $steps commands were counted"
ok as alice au delete -y -H
as_before

for n in $(seq 1 "$steps"); do
	promise="au new whose command $n of $steps fails leaves nothing"
	fails 1 at "$n" FAIL au new -y
	ended
	complains 'refused on purpose'
	complains 'au: agent "agent": '
	as_before
	ok as alice au list
	says_exactly 'No agents configured.'
done
