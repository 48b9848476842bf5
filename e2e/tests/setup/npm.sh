# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # after ../../lib.sh
# Sourced: npm has a registry of this machine's, as a company's mirror is set, with the packages of the script's header, and no other.
set -- /opt/e2e/npm/*.tgz
[ -e "$1" ] || skip "the packages could not be had from npm"
python3 /opt/e2e/tests/setup/registry.py 4873 "$@" &
registry=$!
trap 'kill $registry' EXIT
echo registry=http://127.0.0.1:4873/ >/etc/npmrc
soon python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:4873/@anthropic-ai/claude-code")'
