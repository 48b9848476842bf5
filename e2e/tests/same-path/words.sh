# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The words of the scripts same-path-*, after ../../lib.sh.
#
#   seen WHAT MADE USED   alice runs MADE and then USED, each in a shell. In a folder that the agent sees at her own path, both succeed. In one that
#                         the agent sees at its target alone, MADE succeeds and USED does not: so it is the path that USED depends on.
#
# In both, `agent COMMAND…` is a run as the agent from the current folder.

ok as alice au new -y
# shellcheck disable=SC2016 # alice's shell expands it
as alice sh -c 'umask 077; mkdir own target
	for key in user.name=Alice user.email=alice@example init.defaultBranch=main protocol.file.allow=always; do git config --global "${key%%=*}" "${key#*=}"; done
	printf "set -eu\nagent() { au run -- \"\$@\"; }\n" >words'
ok as alice au mount add --rw own
ok as alice au mount add --rw --target-only target
as alice au run sh -c 'for key in user.name=Agent user.email=agent@example init.defaultBranch=main protocol.file.allow=always; do git config --global "${key%%=*}" "${key#*=}"; done'
seen=0

seen() {
	promise=$1
	seen=$((seen + 1))
	for share in own target; do
		as alice mkdir "$share/$seen"
		ok as alice sh -c ". ~/words; cd $share/$seen; $2"
		e2e_run as alice sh -c ". ~/words; cd $share/$seen; $3"
		[ "$share" != own ] || [ "$e2e_status" = 0 ] || fail "it should work at the human's own path"
		[ "$share" != target ] || [ "$e2e_status" != 0 ] || fail "it should not work at the target alone"
		[ "$share" != target ] || echo "$seen. $promise; at the target alone: $(cat "$e2e/out" "$e2e/err" | tail -n 1)"
	done
}
