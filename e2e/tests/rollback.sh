#!/bin/bash
# When any step of au new fails, the steps before it are taken back.
# machines: bookworm
# machines by hand: trixie
# timeout: 900
. /opt/e2e/lib.sh
. /opt/e2e/tests/stage/wrap.sh

as_before() { unchanged before '/home/alice/\.config' '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-' '/usr/local/libexec( |$)'; }

wrap_commands
ok as alice au new -y
ok as alice au delete -y -H
promise="a start that fails half-way leaves nothing, not even in systemd's memory"
mkdir -p /etc/systemd/system/au-agent.service.d
printf '[Service]\nExecStartPre=/bin/false\n' >/etc/systemd/system/au-agent.service.d/fails.conf
snapshot
fails 1 at 999 FAIL au new -y
ended
complains 'systemctl start au-agent.service'
ok sh -c '! findmnt /run/au/agent && ! test -e /etc/systemd/system/multi-user.target.wants/au-agent.service'
as_before
rm -r /etc/systemd/system/au-agent.service.d

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
