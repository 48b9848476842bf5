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

# timed NAME COMMAND… adds a row with the milliseconds that it takes, as the median.
timed() {
	name=$1
	shift
	: >/tmp/times
	for _ in $(seq "$tries"); do
		began=$(date +%s%N)
		ok "$@"
		echo $((($(date +%s%N) - began) / 1000000)) >>/tmp/times
	done
	row "$name" "$n" "$(sort -n /tmp/times | sed -n "$(((tries + 1) / 2))p")"
}

# Each boot has more agents, and begins with how long it took.
made=0 first=${counts%% *} left="$counts end"
for _ in $(seq 2 "$STAGE"); do made=${left%% *} left=${left#* }; done
n=${left%% *}
if [ "$made" != 0 ]; then
	systemctl is-system-running --wait >/dev/null
	row boot "$made" $((($(systemctl show -P FinishTimestampMonotonic) - $(systemctl show -P UserspaceTimestampMonotonic)) / 1000))
fi
if [ "$n" != end ]; then
	for i in $(seq $((made + 1)) "$n"); do
		printf '[[agents]]\nuser_name = "g%d"\n' "$i" >>$here/agents.toml
	done
	began=$(date +%s%3N)
	ok as alice au apply -y $here/agents.toml
	row "au apply, each new one" "$n" $((($(date +%s%3N) - began) / (n - made)))
	timed "au run true" as alice au run -a g1 true
	timed "au info" as alice au info -a g1
	timed "au net status" as alice au net status -a g1
	timed "au list" as alice au list
	timed "daemon-reload" systemctl daemon-reload
	reboot_machine
fi
n=$made

# at NAME AGENTS prints what the row says.
at() { sed -nE "s/^$1 +$2 agents +([0-9.]+) ms$/\1/p" $here/rows; }
for what in "au run true" "au info" "au net status"; do
	awk -v few="$(at "$what" "$first")" -v many="$(at "$what" "$n")" 'BEGIN { exit !(many <= 1.5 * few + 20) }' ||
		fail "$what: $(at "$what" "$first") ms with $first agents, $(at "$what" "$n") ms with $n"
done
for what in "au list" boot daemon-reload; do
	awk -v few="$(at "$what" "$first")" -v many="$(at "$what" "$n")" -v n="$n" 'BEGIN { exit !(many <= few + 20 * n) }' ||
		fail "$what: $(at "$what" "$first") ms with $first agents, $(at "$what" "$n") ms with $n"
done
awk -v few="$(at "au apply, each new one" "$first")" -v many="$(at "au apply, each new one" "$n")" 'BEGIN { exit !(many <= 3 * few) }' ||
	fail "each new agent takes longer the more there are"
