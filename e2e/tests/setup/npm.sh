# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # after ../../lib.sh
# Sourced: npm has a registry of this machine's, as a company's mirror is set, with the packages of the script's header, and no other.
#
#   offer_next NAME   offers one version more of a package

[ -e /opt/e2e/npm ] || skip "the packages could not be had from npm"
registry=
trap '[ -z "$registry" ] || kill $registry' EXIT

# offer [--next NAME] has the registry answer.
offer() {
	[ -z "$registry" ] || { kill "$registry"; wait "$registry" 2>/dev/null; }
	set -- "$@" /opt/e2e/npm/*.tgz /opt/e2e/npm/node_modules
	for offered; do
		shift
		case $offered in /*) [ -e "$offered" ] || continue ;; esac
		set -- "$@" "$offered"
	done
	python3 /opt/e2e/tests/setup/registry.py 4873 "$@" &
	registry=$!
	soon python3 -c 'import socket; socket.create_connection(("127.0.0.1", 4873))'
}

offer_next() { offer --next "$1"; }

offer
echo registry=http://127.0.0.1:4873/ >/etc/npmrc
