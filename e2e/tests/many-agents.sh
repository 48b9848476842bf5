#!/bin/sh
# The cost of a command grows no faster than the agents that it is about: one agent's commands cost the same beside a thousand others.
# machines: none
# machines by hand: trixie
# timeout: 7200
. /opt/e2e/lib.sh
counts=${AGENTS:-1 10 100 1000}
tries=${ROUNDS:-9}
here=/var/lib/many-agents # stays over a reboot
mkdir -p $here

# row NAME AGENTS MS: a row of the table.
row() { printf '%-24s %5s agents  %8s ms\n' "$1" "$2" "$3" | tee -a $here/rows; }

# used prints how many nanoseconds of the processors all processes of this machine have used.
used() { cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n 's/^usage_usec \(.*\)/\1000/p' /sys/fs/cgroup/cpu.stat; }

# timed NAME COMMAND… adds rows with the milliseconds that it takes, as the median: by the clock, and of the processors.
timed() {
	name=$1
	shift
	: >/tmp/times
	: >/tmp/cpu
	for _ in $(seq "$tries"); do
		began=$(date +%s%N) before=$(used)
		ok "$@"
		echo $((($(date +%s%N) - began) / 1000000)) >>/tmp/times
		echo $((($(used) - before) / 1000000)) >>/tmp/cpu
	done
	row "$name" "$n" "$(sort -n /tmp/times | sed -n "$(((tries + 1) / 2))p")"
	row "$name, CPU" "$n" "$(sort -n /tmp/cpu | sed -n "$(((tries + 1) / 2))p")"
}

# Each boot has more agents, and begins with how long it took.
made=0 first=${counts%% *} left="$counts end"
for _ in $(seq 2 "$STAGE"); do made=${left%% *} left=${left#* }; done
n=${left%% *}
if [ "$made" != 0 ]; then
	systemctl is-system-running --wait >/dev/null
	row boot "$made" $((($(systemctl show -P FinishTimestampMonotonic) - $(systemctl show -P UserspaceTimestampMonotonic)) / 1000))
	before=$(cat $here/used) after=$(used)
	[ "$after" -ge "$before" ] || before=0 # another kernel, which begins to count
	row "boot, CPU" "$made" $(((after - before) / 1000000))
fi
if [ "$n" != end ]; then
	# au makes the first hundred. The others are copies of one of them, as au would have made it: it takes seconds for each.
	by_au=$((n < 100 ? n : 100))
	if [ "$made" -lt "$by_au" ]; then
		for i in $(seq $((made + 1)) "$by_au"); do
			printf '[[agents]]\nuser_name = "g%d"\n' "$i" >>$here/agents.toml
		done
		began=$(date +%s%3N) before=$(used)
		ok as alice au apply -y $here/agents.toml
		row "au apply, each new one" "$by_au" $((($(date +%s%3N) - began) / (by_au - made)))
		row "au apply, each, CPU" "$by_au" $((($(used) - before) / 1000000 / (by_au - made)))
		made=$by_au
	fi
	if [ "$made" -lt "$n" ]; then
		ok /opt/e2e/tests/many/copies "g$made" $((made + 1)) "$n" /home/alice/.config/agent-as-unix-user.toml
		ok systemctl daemon-reload
		# shellcheck disable=SC2046 # words
		ok systemctl start $(seq $((made + 1)) "$n" | sed 's/.*/au-g&.service/')
		ok as alice au run -a "g$n" id -un
		says "g$n"
		ok as alice au info -a "g$n"
	fi
	timed "au run true" as alice au run -a g1 true
	timed "au info" as alice au info -a g1
	timed "au net status" as alice au net status -a g1
	timed "au list" as alice au list
	timed "daemon-reload" systemctl daemon-reload
	timed "a service" systemd-run --quiet --wait --collect true
	used >$here/used
	reboot_machine
fi
n=$made

# The clock also says how busy the machine is otherwise, so the processors' time is held. A boot is held to the work of starting
# services, for each agent has one, and a slice.

# at NAME AGENTS prints what the row says.
at() { sed -nE "s/^$1, CPU +$2 agents +([0-9.]+) ms$/\1/p" $here/rows; }

# grows NAME FACTOR EACH [MOST] fails where it costs more with the most agents than FACTOR times what it does with the fewest, and EACH ms more an agent.
grows() {
	most=${4:-$n}
	[ "$(at "$1" "$most")" -le $(($2 * $(at "$1" "$first") + $3 * most)) ] || fail "$1: $(at "$1" "$first") ms of CPU with $first agents, $(at "$1" "$most") ms with $most"
}
for what in "au run true" "au info" "au net status"; do grows "$what" 2 0; done
for what in "au list" daemon-reload; do grows "$what" 2 20; done
grows boot 2 $((3 * $(at "a service" "$first")))
grows "au apply, each" 3 0 $((n < 100 ? n : 100))
