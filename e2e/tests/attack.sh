#!/bin/sh
# Every attack on the entrypoint comes to nothing.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# timeout: 1200
# second try: no
. /opt/e2e/lib.sh
ok as alice au new -y
failed=0
for script in /opt/e2e/tests/attacks/*.sh; do
	if sh "$script" >/run/e2e/attack 2>&1; then
		echo "ok    $(basename "$script" .sh)"
	else
		failed=$((failed + 1))
		echo "FAIL  $(basename "$script" .sh)"
		cat /run/e2e/attack
	fi
done
e2e_last=
[ $failed = 0 ] || fail "$failed attacks succeeded"
