# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the test scripts say. They run as root in a machine of their own; the first thing that does not hold ends one.
#
#   as alice COMMAND…      runs COMMAND in a fresh login session of alice, in her home, without a terminal
#   at_terminal alice COMMAND…   the same, on a terminal of its own (both outputs are one there)
#   ok COMMAND…            COMMAND exits 0
#   fails STATUS COMMAND…  COMMAND exits STATUS, no other
#   says TEXT, says_not TEXT   the last command's standard output has TEXT in it, or has not
#   complains TEXT, complains_not TEXT   its standard error has TEXT in it, or has not
#   says_exactly TEXT      its standard output is TEXT and a newline
#   silent                 it printed nothing at all
#   output                 prints its standard output
#   soon COMMAND…          COMMAND exits 0 within half a minute (asked again and again)
#   snapshot [NAME]        records accounts, /etc, /home, /usr/local, units, set-uid files, firewall rules, mounts
#   unchanged [NAME [REGEXP…]]   they are as in the snapshot, but for lines that match a REGEXP
#   reboot_machine         reboots; the script then runs again with STAGE one higher (it starts at 1)
#   skip REASON            ends the script: it cannot run here
#   fail TEXT              ends the script: TEXT does not hold

set -u
cd / # a machine that was entered from outside may have begun in a folder of the host
e2e=/run/e2e
mkdir -p "$e2e"
: "${STAGE:=1}"
# How often what is random is tried: ROUNDS=… of e2e/run.
[ ! -e /opt/e2e/rounds ] || { ROUNDS=$(cat /opt/e2e/rounds); export ROUNDS; }
# How many agents there are where that matters: AGENTS=… of e2e/run.
[ ! -e /opt/e2e/agents ] || { AGENTS=$(cat /opt/e2e/agents); export AGENTS; }
# Whether to say when each command begins: TRACE=1 of e2e/run.
e2e_trace=
[ ! -e /opt/e2e/trace ] || e2e_trace=1
promise=$(sed -n '2s/^# //p' "$0")
e2e_last=

as() {
	e2e_user=$1
	shift
	# shellcheck disable=SC2016 # the session's shell expands it
	runuser -l -c 'exec "$@"' -- "$e2e_user" - "$@"
}

at_terminal() {
	e2e_user=$1
	shift
	runuser -l -c "script -qec $(e2e_quote "$(e2e_quote "$@")") /dev/null" -- "$e2e_user"
}

# e2e_quote prints its arguments as a shell reads them back.
e2e_quote() {
	for e2e_word; do printf "'%s' " "$(printf %s "$e2e_word" | sed "s/'/'\\\\''/g")"; done
}

e2e_run() {
	e2e_last=$*
	e2e_status=0
	[ -z "$e2e_trace" ] || echo "$(date +%T) $*" >&2
	"$@" >"$e2e/out" 2>"$e2e/err" </dev/null || e2e_status=$?
	! grep -qF 'changed on disk. Run' "$e2e/err" || fail "systemctl warns of units that systemd has not read"
	# The advice, for a script that follows it: it says in which file it wants that.
	[ -z "${e2e_advice-}" ] || sed -n 's/.*hint: //p' "$e2e/out" "$e2e/err" >>"$e2e_advice"
}

fail() {
	{
		echo "FAILED: $promise"
		echo "  $*"
		if [ -n "$e2e_last" ]; then
			echo "  after: $e2e_last"
			echo "  exit status $e2e_status"
			sed 's/^/  out| /' "$e2e/out"
			sed 's/^/  err| /' "$e2e/err"
		fi
	} >&2
	exit 1
}

ok() { e2e_run "$@"; [ "$e2e_status" = 0 ] || fail "it should have exited 0"; }

fails() {
	e2e_want=$1
	shift
	e2e_run "$@"
	[ "$e2e_status" = "$e2e_want" ] || fail "it should have exited $e2e_want"
}

says() { grep -qF -e "$1" "$e2e/out" || fail "standard output should have \"$1\" in it"; }
says_not() { ! grep -qF -e "$1" "$e2e/out" || fail "standard output should not have \"$1\" in it"; }
complains() { grep -qF -e "$1" "$e2e/err" || fail "standard error should have \"$1\" in it"; }
complains_not() { ! grep -qF -e "$1" "$e2e/err" || fail "standard error should not have \"$1\" in it"; }
says_exactly() { printf '%s\n' "$1" | cmp -s - "$e2e/out" || fail "standard output should be \"$1\""; }
silent() { [ -z "$(cat "$e2e/out" "$e2e/err")" ] || fail "it should have printed nothing"; }
output() { cat "$e2e/out"; }

soon() {
	e2e_tries=120
	while :; do
		e2e_run "$@"
		[ "$e2e_status" != 0 ] || return 0
		[ $((e2e_tries -= 1)) -gt 0 ] || fail "it should have exited 0 by now"
		sleep 0.25
	done
}

snapshot() { python3 /opt/e2e/snapshot.py >"$e2e/snapshot.${1:-before}"; }

unchanged() {
	e2e_name=${1:-before}
	[ $# = 0 ] || shift
	e2e_last=
	python3 /opt/e2e/snapshot.py >"$e2e/now"
	diff "$e2e/snapshot.$e2e_name" "$e2e/now" | grep '^[<>]' >"$e2e/changes"
	for e2e_but; do
		grep -vE -e "$e2e_but" "$e2e/changes" >"$e2e/rest"
		mv "$e2e/rest" "$e2e/changes"
	done
	[ ! -s "$e2e/changes" ] || fail "the machine should be as it was, but (< before, > now):
$(cat "$e2e/changes")"
}

reboot_machine() { exit 194; }

# since VERSION says whether the kernel is that one or a later.
since() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }

skip() {
	echo "skip: $*"
	exit 77
}
