# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Words that the machine scripts share. Sourced by bash, from any folder.

machine_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${AU_E2E_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/au-e2e}"
export AU_E2E_CACHE machine_dir

say() { printf '%s\n' "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# become_root runs the script again under sudo, with the settings it was given.
become_root() {
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null || die "run as root: there is no sudo here"
	local keep
	keep=$(compgen -e | grep -E '^(AU_E2E_|DEBIAN_FRONTEND$|CI$|NO_COLOR$)' | paste -sd,)
	exec sudo --preserve-env="$keep" -- "$@"
}

# cache_dir makes the cache, closed to others: the root file systems in it hold set-uid programs.
cache_dir() {
	mkdir -p "$AU_E2E_CACHE" && chmod 0700 "$AU_E2E_CACHE"
}
