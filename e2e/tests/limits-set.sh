#!/bin/sh
# Limits can be set, shown and taken back while the agent runs; nonsense is refused before anything changes.
# machines: trixie
# machines by hand: bookworm true true-bookworm
# timeout: 1500
. /opt/e2e/lib.sh
ok as alice au new -y
slice=user-$(id -u agent).slice

# kernel prints a limit as the kernel has it: what cgroup v2 or v1 says, or none.
kernel() {
	for file in "user.slice/$slice/$1" "${2%%/*}/user.slice/$slice/${2#*/}"; do
		[ ! -e "/sys/fs/cgroup/$file" ] || read -r value _ <"/sys/fs/cgroup/$file"
	done
	case $value in max | -1 | 9223372036854771712) value=none ;; esac
	echo "$value"
}
cpu() { kernel cpu.max cpu/cpu.cfs_quota_us; }
mem() { kernel memory.max memory/memory.limit_in_bytes; }
tasks() { kernel pids.max pids/pids.max; }
kernel_has() {
	[ "$(cpu) $(mem) $(tasks)" = "$*" ] || fail "the kernel should have \"$*\", it has \"$(cpu) $(mem) $(tasks)\""
}
usual=$(tasks)
kernel_has none none "$usual"
snapshot

promise="--dry-run prints the change and makes none"
ok as alice au limits set --cpu 150% --mem 1G --dry-run
says "CPUQuotaPerSecUSec=1500000 MemoryMax=1073741824 MemorySwapMax=0"
says "# same as: busctl call org.freedesktop.systemd1 "
kernel_has none none "$usual"
unchanged

promise="nonsense is refused, named, and changes nothing"
for words in "--cpu 0" "--cpu -1" "--cpu 150%%" "--mem 0" "--mem 1.5G" "--mem 16XB" "--mem 5" "--swap -1" "--tasks 0" "--tasks 1.5" "--tasks 99999999" \
	"--cpu-weight 0" "--io-weight 10001" "--cpu 50% --mem 16XB" "--memory 1G" "--cpu 1500" ""; do
	# shellcheck disable=SC2086 # several words
	fails 2 as alice au limits set $words
	complains "au: "
done
fails 2 as alice au limits set --mem '16 GB'
complains 'memory size "16 GB": want a size such as 512M or 16G'
fails 2 as alice au limits set --cpu 150
complains "cpu share \"150\": that number of cores is more than the $(nproc) of this machine: want 150% for a share of one, or infinity"
fails 2 as alice au limits set --memory 1G
complains 'au: hint: au limits set --mem 1G'
kernel_has none none "$usual"
unchanged

promise="limits take effect at once, on an agent that is running"
as alice au run sleep 60 &
soon pgrep -u agent sleep
ok as alice au limits set --cpu 150% --mem 1G --tasks 200 --cpu-weight 50
kernel_has 150000 1073741824 200
ok pgrep -u agent sleep

promise="what is set already is not set again"
ok as alice au limits set --cpu 1.5 --mem 1024M
says_exactly "Agent agent already has these limits; nothing to do"

promise="show says what holds; info and show --json too"
ok as alice au limits show
says "set by"
says " 1G "
ok as alice sh -c 'au limits show --json | jq -r ".limits.mem.value, .limits.tasks.text, .use.tasks_limit"'
says_exactly "1073741824
200
200"
ok as alice au info
says "limits: cpu 150%, mem 1G, swap 0, tasks 200, cpu-weight 50"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	ok as alice au limits set --io-weight 20
	ok as alice au info
	says "io-weight 20"
else
	fails 1 as alice au limits set --io-weight 20
	complains "an IO weight needs cgroup v2"
fi

promise="more than the machine has is a warning"
ok as alice au limits set --cpu 15000%
complains "warning: cpu share 15000% is more than this machine's"

promise="a memory limit comes without swap, and says so; --swap gives some"
ok as alice au limits reset
ok as alice au limits set --mem 1GB
complains "swap"
ok as alice sh -c 'au limits show --json | jq .limits.swap.value'
says_exactly 0
ok as alice au limits set --mem 2G --swap 1G
ok as alice sh -c 'au limits show --json | jq .limits.swap.value'
says_exactly 1073741824

promise="a single limit can be taken back, and then all; nothing is left, in the kernel neither"
ok as alice au limits set --cpu 100% --tasks 100
ok as alice au limits reset --cpu
kernel_has none 2147483648 100
ok as alice au limits reset
kernel_has none none "$usual"
unchanged before /run/au
ok as alice au limits reset
says_exactly "au has set no such limit on agent agent; nothing to do"
ok systemctl daemon-reload
kernel_has none none "$usual"

promise="a memory limit below what is in use holds, or is said not to until it does (cgroup v1)"
ok as alice au limits reset
as alice au run sh -c 'head -c 300M /dev/zero | tail -c 300M | sleep 300' &
big=$!
in_use() { [ "$(kernel memory.current memory/memory.usage_in_bytes)" -gt 300000000 ]; }
soon in_use
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	ok as alice au limits set --mem 100M
else
	fails 1 as alice au limits set --mem 100M
	complains "set, but without effect until all processes of the agent have ended: --mem (the kernel has "
	complains "au: hint: au stop --agent agent"
	ok as alice au limits show
	says "mem 100M does not bind: the kernel has "
	ok as alice au info
	says "mem 100M (does not bind: the kernel has "
fi
ok as alice au stop
wait $big
ok as alice au limits show
says_not "does not bind"
ok as alice au info
says "mem 100M"
says_not "does not bind"
kernel_has none 104857600 "$usual"

promise="as many tasks as a kernel takes hold"
ok as alice au limits reset
ok as alice au limits set --tasks 4194304
kernel_has none none 4194304
ok as alice au limits reset

promise="there is no agent to limit where none was made"
fails 1 as alice au limits set -a nobody-here --cpu 50%
complains "no such agent"

promise="who may not use sudo changes nothing"
ok as alice au grant -y carol
fails 1 as carol sh -c 'au limits set --cpu 50% </dev/null'
kernel_has none none "$usual"

promise="the printed busctl line does the same when pasted"
ok as alice au limits set --cpu 70% --dry-run
line=$(output | sed -n 's/.*# same as: //p')
kernel_has none none "$usual"
ok sh -c "$line"
kernel_has 70000 none "$usual"
ok as alice au limits set --cpu 70%
says "already has these limits"
