# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # after ../../lib.sh
# Sourced: npm has a registry on this machine, as a company's mirror is set, with the packages of the script's header, and no other.
#
#   offer_next NAME   offers one version more of a package

[ -e /opt/e2e/npm ] || skip "the packages could not be had from npm"
trap 'kill $(cat "$e2e/registry") 2>/dev/null' EXIT

# offer [--next NAME] has the registry answer.
offer() {
	while [ -e "$e2e/registry" ] && kill "$(cat "$e2e/registry")" 2>/dev/null; do sleep 0.1; done
	set -- "$@" /opt/e2e/npm/*.tgz /opt/e2e/npm/node_modules
	for offered; do
		shift
		case $offered in /*) [ -e "$offered" ] || continue ;; esac
		set -- "$@" "$offered"
	done
	python3 /opt/e2e/tests/setup/registry.py 4873 "$@" &
	echo $! >"$e2e/registry"
	soon python3 -c 'import socket; socket.create_connection(("127.0.0.1", 4873))'
}

offer_next() { offer --next "$1"; }

offer
echo registry=http://127.0.0.1:4873/ >/etc/npmrc
