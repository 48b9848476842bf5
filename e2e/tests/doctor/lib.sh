# shellcheck shell=sh
# The words of the doctor scripts: they break a machine, and see that `au doctor` names what is broken, and no more once it is mended.

# ids prints ID:AGENT of every finding.
ids() { { as alice /usr/local/bin/au doctor --json || true; } | python3 -c 'import json,sys; print(*sorted("%s:%s" % (f["id"], f.get("agent","")) for f in json.load(sys.stdin)["findings"]), sep="\n")' | sed '/^$/d'; }
tiocsti=/proc/sys/dev/tty/legacy_tiocsti
echo 0 >/run/zero
[ ! -e $tiocsti ] || mount --bind /run/zero $tiocsti # it is the kernel's, and so the host's

# healthy AGENT... makes these agents, and sees that nothing is broken then.
healthy() {
	for a; do ok as alice au new -y -a "$a"; done
	promise="nothing is broken right after au new"
	ok as alice /usr/local/bin/au doctor
	says "0 broken,"
	ids >/run/before
	wanted=
}

# wreck ID AGENT COMMAND... — COMMAND breaks the machine so that doctor has to name ID of that agent (- for the machine).
wreck() {
	id=$1 of=$2
	shift 2
	ok "$@"
	wanted="$wanted $id:${of#-}"
}
# shown prints the same of what doctor has just said, which takes a second less.
shown() { sed -nE 's/^(broken|advice) ([a-z-]+): (agent ([a-z]+): )?.*/\2:\4/p' "$e2e/out" | LC_ALL=C sort; }
# named STATUS sees that doctor names all that was wrecked since, and exits with STATUS.
named() {
	promise="doctor names what is wrong:$wanted"
	fails "$1" as alice /usr/local/bin/au doctor
	shown >/run/now
	for w in $wanted; do grep -qxF -- "$w" /run/now || fail "doctor does not name $w, but: $(tr '\n' ' ' </run/now)"; done
}
# mended sees that nothing is named that was not there before.
mended() {
	promise="this is mended:$wanted"
	${1:-ids} | diff /run/before - >/run/differs || fail "doctor named before (<) and names now (>): $(cat /run/differs)"
	wanted=
}
# fixed sees that by what --fix says in the end.
fixed() {
	promise="doctor --fix mends:$wanted"
	e2e_run as alice /usr/local/bin/au doctor --fix -y
	mended shown
}
