#!/bin/sh
# make install of a newer au over an older one, and back, while agents run: what runs goes on, nothing leaves, drafts stay, and each au works with what the other wrote.
# machines: trixie
# machines by hand: bookworm
# older: 89a977006715
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
. /opt/e2e/tests/upgrade/lib.sh
older 89a977006715 # with version 2 of policies, drafts and au doctor
new() { ok make -s -C /opt/au install; }
old() { ok make -s -C "$older/tree" install; }
old
begin
as alice sh -c 'mkdir drafted; echo one >drafted/file'
ok as alice au run --draft drafted sh -c 'echo two >drafted/file'
# drafted sees that the draft is there, and the folder as it was.
drafted() {
	ok as alice au draft list
	says "/home/alice/drafted: agent, of agent agent"
	ok as alice sh -c 'cd drafted && au draft diff'
	says "+two"
	[ "$(cat /home/alice/drafted/file)" = one ] || fail "the folder is not as it was"
}

promise="make install of a newer version ends nothing, and changes no agent"
snapshot
new
unchanged before '/usr/local/(bin|libexec|share)/' "$busy"
goes_on
promise="au info and doctor name what is old and what mends it; nothing of it is broken, and all does what it did"
ok as alice au info
says "the agent's entrypoint differs from that of this au"
named "advice entrypoint-old agent" "advice entrypoint-old closed" "advice manager-old agent" "advice manager-old closed" "advice net-outdated closed"
works
drafted
promise="au doctor --fix brings all of it up to date, and what runs goes on"
fixed
drafted

promise="the older version over it works with what the newer one wrote, and changes no agent; what runs goes on"
snapshot
old
ok as alice au list
ok as alice au info
works
drafted
unchanged before '/usr/local/(bin|libexec|share)/' "$busy"
goes_on
promise="au net restrict of the older version takes the network over, and nothing leaves meanwhile"
ok as alice au net restrict -a closed
goes_on
promise="the newer one again names what the older one wrote, and --fix brings it up to date"
new
named "advice net-outdated closed"
fixed
drafted
ends
promise="what an older au leaves of the last restriction is named"
old
ok as alice au net off -a closed
new
ok as alice au doctor
says "left-behind: /etc/systemd/system/au-net-watch.service is for agents with a restricted network, and there is none"
as alice au doctor | sed -n 's/^  hint: \(sudo rm\)/\1/p' >/run/lines
ok sh /run/lines
ok as alice au doctor
says_not "left-behind"
