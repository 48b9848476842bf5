#!/bin/sh
# A newer package over a much older one, and back, while agents run: their runs go on, nothing leaves, au names the parts that are old, and the older au refuses files that it cannot read.
# machines: trixie
# machines by hand: bookworm
# packages: deb and rpm
# older: 6215b52b4cf9
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
. /opt/e2e/tests/upgrade/lib.sh
older 6215b52b4cf9 # from before version 2 of policies, drafts and au doctor
rm -r /usr/local/bin/au /usr/local/libexec/au
ok dpkg --install "$older"/*.deb
ok as alice au --version
says_exactly "au 0.0.8"
begin
as alice sh -c 'mkdir drafted; echo one >drafted/file'

promise="the package of a newer version ends nothing, changes no agent, and says whose entrypoint is old"
snapshot
ok dpkg --install /opt/packages/new/*.deb
for agent in agent closed; do says "au: the entrypoint of agent $agent is of another version of au. Its human brings it up to date: au new --agent $agent"; done
unchanged before '/usr/(bin|libexec|share)/' "$busy"
goes_on

promise="au list, info and doctor name what is old and what mends it; nothing of it is broken, and all does what it did"
ok as alice au list
says "agent (default)"
says "    run "
ok as alice au info
says "from an older au:"
says "its policy is of version 1, where this au writes 2"
ok as alice au info -a closed
says "network: au-net@closed.service runs a program of au that was replaced since"
says "hint: au net restrict --agent closed"
ok as alice au net status -a closed
named "advice entrypoint-old agent" "advice entrypoint-old closed" "advice manager-old agent" "advice manager-old closed" "advice net-outdated closed" "advice policy-old agent" "advice policy-old closed" "advice unit-old agent" "advice unit-old closed"
works
fails 125 as alice au run --draft drafted true
complains 'the entrypoint of agent "agent" is from before drafts and hidden names'
complains "hint: au new --agent agent"

promise="au doctor --fix brings all of it up to date, and what runs goes on"
fixed
ok as alice au run --draft drafted sh -c 'echo two >drafted/file'

promise="the older package over it refuses all that needs what it cannot read; nothing is lost, and what runs goes on"
snapshot
ok dpkg --install "$older"/*.deb
for words in 'run true' 'run -a closed true'; do
	fails 125 as alice au $words
	complains ': line 1: want au-policy 1'
done
for words in 'new -y' 'delete -y -H' 'grant -y bob' 'limits set --tasks 50' 'net restrict -a closed --allow attacker.test' 'net allow -a closed attacker.test' 'net off -a closed'; do
	fails 1 as alice au $words
done
ok as alice au list
fails 1 as alice au info
says 'policy /etc/au/agents/agent: line 1: want au-policy 1'
unchanged before '/usr/(bin|libexec|share)/' "$busy"
goes_on

promise="the newer one again finds all as it was"
ok dpkg --install /opt/packages/new/*.deb
says_not "another version"
named
works
[ "$(cat /home/alice/drafted/file)" = one ] || fail "the folder is not as it was"
ok as alice sh -c 'cd drafted && au draft keep -y'
[ "$(cat /home/alice/drafted/file)" = two ] || fail "the draft is lost"
goes_on
ends
