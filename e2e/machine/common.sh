# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What the machine scripts share. Sourced by bash, from any folder.

machine_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${AU_E2E_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/au-e2e}"
export AU_E2E_CACHE machine_dir
. "$machine_dir/cgroups.sh"

# A command in a machine that exits with this asks for a reboot, and is then run again with STAGE one higher.
export reboot_status=194
# A machine that does not boot in this time does not boot. Emulated ones are slow.
export boot_seconds=${AU_E2E_BOOT_SECONDS:-300}

say() { printf '%s\n' "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# usage prints the comment on top of the script.
usage() { sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# become_root runs the script again under sudo, with the settings it was given.
become_root() {
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null || die "run as root: there is no sudo here"
	local keep
	keep=$(compgen -e | grep -E '^(AU_E2E_.*|DEBIAN_FRONTEND|CI|NO_COLOR|MACHINE|SET|JOBS|UNTIL|ROUNDS|AGENTS|TRACE|ORIGINAL|CLICK)$' | paste -sd,)
	exec sudo --preserve-env="$keep" -- "$@"
}

# cache_dir makes the cache, closed to others: the root file systems in it hold set-uid programs.
cache_dir() {
	mkdir -p "$AU_E2E_CACHE" && chmod 0700 "$AU_E2E_CACHE"
}

# new_machine NAME makes a folder for one machine, $machine, and holds its lock for as long as this process lives.
new_machine() {
	mkdir -p "$AU_E2E_CACHE/machines"
	exec 8>"$AU_E2E_CACHE/machines.lock"
	flock 8
	sweep
	machine=$AU_E2E_CACHE/machines/$1-$$
	mkdir "$machine"
	exec 9>"$machine/lock"
	flock 9
	exec 8>&-
}

# sweep removes what killed runs left behind: nobody holds the lock of such a machine.
sweep() {
	local old
	for old in "$AU_E2E_CACHE"/machines/*/; do
		[ -d "$old" ] || continue
		flock -n "$old/lock" true || continue
		forget_machine "${old%/}"
	done
}

# forget_machine FOLDER: what was killed in there may still be writing its last file.
forget_machine() {
	local attempt
	[ -z "${AU_E2E_USED-}" ] || [ ! -e "$1/cgroups" ] || used_in "$1/cgroups" >"$AU_E2E_USED"
	remove_cgroups "$1/cgroups"
	for attempt in 1 2 3 4 5; do
		rm -rf --one-file-system "$1" 2>/dev/null && return
		sleep "$attempt"
	done
	rm -rf --one-file-system "$1"
}

# pack FOLDER... prints one tar of what is in the folders, all of it owned by root. It names no folder twice and not the top: some tars would then change the
# mode of the machine's own.
pack() {
	local all=$machine/add folder
	mkdir "$all"
	for folder; do cp -a "$folder/." "$all/"; done # a link would change the file's ctime, while another machine's tar reads it
	find "$all" -mindepth 1 -maxdepth 1 -printf '%P\0' | tar -c --owner=0 --group=0 -C "$all" --null -T -
	rm -rf "$all"
}

# unit COMMAND... prints, NUL after each word, how root of a machine runs COMMAND as a unit of systemd: so it is in the machine's cgroups, and in no session.
unit() {
	local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin how=--pipe
	[ -t 0 ] && [ -t 1 ] && how=--pty
	[ $# -gt 0 ] || set -- /bin/bash -l
	printf '%s\0' systemd-run --quiet $how --wait --collect --service-type=exec -p LimitNOFILE=1024:524288 \
		--working-directory=/root --setenv=HOME=/root --setenv=USER=root --setenv=LANG=C.UTF-8 \
		--setenv=TERM="${TERM-dumb}" --setenv=PATH=$path --setenv=STAGE="${stage:-1}" -- "$@"
}
