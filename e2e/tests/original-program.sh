#!/bin/sh
# The state that original/state describes is what agent-as-unix-user itself makes, with each of its versions, and au takes it over and apart.
# machines: none
# machines by hand: trixie
# original: v2.0.0 v2.0.1 v2.0.2 v2.1.0 v2.2.0 HEAD
# timeout: 1200
. /opt/e2e/lib.sh
[ -d /opt/original/HEAD ] || skip "say where a checkout of agent-as-unix-user is, with its tags: ORIGINAL=FOLDER"
here=/opt/e2e/tests/original
. $here/make.sh
ours=/home/alice/.config/agent-as-unix-user.toml

promise="version 2.0.0 makes no agent"
AU=/opt/original/v2.0.0/au
fails 1 as alice $AU new -y
complains TypeError
fails 1 id agent
rm -f "$ours"

for version in v2.0.1 v2.0.2 v2.1.0 v2.2.0 HEAD; do
	AU=/opt/original/$version/au
	before
	snapshot
	python3 $here/state.py human | cut -f 1 >"$e2e/hers"
	promise="version $version leaves what original/state says"
	ok as alice $AU new -y
	share >/dev/null
	work >/dev/null
	python3 $here/state.py show "$e2e/state"
	diff -r $here/state "$e2e/state" || fail "that is no longer what original/state says (<)"

	promise="au takes over what version $version made, and then takes it apart"
	fails 125 as alice au run true
	ok as alice au new -y
	ok as alice au run sh -euc 'cat proj/new ref/page elsewhere/shared/file note by-alice; echo x >proj/x'
	rm /home/alice/proj/x
	ok python3 $here/state.py human
	diff $here/after "$e2e/out" || fail "alice's files should be as in after"
	cut -f 1 "$e2e/out" | grep -vxFf - "$e2e/hers" >"$e2e/lost" && fail "as they were, these should be there still: $(cat "$e2e/lost")"
	ok as alice au delete -y -H
	unchanged before '/home/alice/(proj|ref|shared)(/| |$)' "$ours" /run/au /home/alice/.config
	rm -f "$ours"

	promise="au takes apart what version $version made"
	before
	ok as alice $AU new -y
	share >/dev/null
	work >/dev/null
	ok as alice au delete -y -H
	ok python3 $here/state.py human
	diff $here/after "$e2e/out" || fail "alice's files should be as in after"
	unchanged before '/home/alice/(proj|ref|shared)(/| |$)' "$ours" /run/au /home/alice/.config
	rm -f "$ours"
done
