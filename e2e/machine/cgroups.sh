# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A machine's own cgroups on the host. Sourced by quick. Without them systemd would write into the host's.

# cgroup_layout prints v2 where the host has the one hierarchy, v1 where it has the old ones.
cgroup_layout() {
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then echo v2; else echo v1; fi
}

# cgroup_folders prints the folder of this process in every hierarchy.
cgroup_folders() {
	local controllers path options top at
	while IFS=: read -r _ controllers path; do
		options="- cgroup .*\b$controllers(,|\$)"
		[ -n "$controllers" ] || options='- cgroup2 '
		read -r _ _ _ top at _ < <(grep -E -e "$options" /proc/self/mountinfo) || die "no cgroup hierarchy \"$controllers\" is mounted"
		path=${path#"${top%/}"}
		echo "$at${path%/}"
	done </proc/self/cgroup
}

# make_cgroups NAME FILE makes a folder NAME in each hierarchy and notes them in FILE.
make_cgroups() {
	local folder
	if [ "$(cgroup_layout)" = v2 ]; then make_cgroup2 "$1" "$2"; return; fi
	cgroup_folders >"$2.parents"
	while read -r folder; do
		mkdir "$folder/$1"
		echo "$folder/$1" >>"$2"
		# A cpuset without processors takes no process.
		[ ! -e "$folder/cpuset.cpus" ] || {
			cat "$folder/cpuset.cpus" >"$folder/$1/cpuset.cpus"
			cat "$folder/cpuset.mems" >"$folder/$1/cpuset.mems"
			echo 1 >"$folder/$1/cgroup.clone_children"
		}
	done <"$2.parents"
}

# make_cgroup2 does so on the one hierarchy. A cgroup with processes gives its children no controllers, so this
# process must be in one that holds nothing else (quick asks systemd for a scope), and steps aside.
make_cgroup2() {
	local own controller
	own=$(cgroup_folders)
	if [ "$own" != /sys/fs/cgroup ]; then
		mkdir -p "$own/keeper"
		echo $$ >"$own/keeper/cgroup.procs"
		echo "$own/keeper" >>"$2"
	fi
	for controller in cpu memory pids io cpuset; do
		echo "+$controller" >"$own/cgroup.subtree_control" || say "no $controller controller for the machine"
	done 2>/dev/null
	mkdir "$own/$1"
	echo "$own/$1" >>"$2"
}

# join_cgroups FILE moves this process into the machine's cgroups.
join_cgroups() {
	local folder
	while read -r folder; do
		[ "${folder##*/}" = keeper ] || echo "$BASHPID" >"$folder/cgroup.procs"
	done <"$1"
}

# used_in FILE prints how many seconds of processor time were used in them.
used_in() {
	local folder
	while read -r folder; do
		cat "$folder/cpuacct.usage" 2>/dev/null || sed -n 's/^usage_usec \(.*\)/\1000/p' "$folder/cpu.stat" 2>/dev/null || true
	done <"$1" | awk '$1 > most { most = $1 } END { printf "%.0f\n", most / 1e9 }'
}

# remove_cgroups FILE removes them, deepest first, ending what is still inside.
remove_cgroups() {
	local folder tries
	[ -e "$1" ] || return 0
	while read -r folder; do
		[ "${folder##*/}" != keeper ] || continue
		tries=100
		while [ -d "$folder" ] && [ $((tries -= 1)) -gt 0 ]; do
			find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
			[ -d "$folder" ] || break
			find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -KILL 2>/dev/null || true
			sleep 0.05
		done
		[ ! -d "$folder" ] || say "could not remove the cgroup $folder"
	done <"$1"
}
