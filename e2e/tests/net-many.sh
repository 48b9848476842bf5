#!/bin/sh
# A hundred restricted agents that ask for nothing take less than 20 MB together, share one program, and nothing wakes for them.
# machines: none
# machines by hand: trixie
# timeout: 3600
. /opt/e2e/lib.sh
. /opt/e2e/tests/internet/up.sh
many=${AGENTS:-100}
ok as alice au new -y
internet_up
for n in $(seq "$many"); do
	ok as alice au new -y -a "g$n"
	ok as alice au net restrict -a "g$n" --allow allowed.test
done
# pss prints the memory in KB of all processes of au's network, each page of several of them in parts.
running() { pgrep -f '/libexec/au(-net)?(/[^/ ]*)?/au net|^nft'; }
pss() { for pid in $(running); do cat "/proc/$pid/smaps_rollup"; done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'; }
# wakes prints how often their threads have begun to run, all together.
wakes() { for pid in $(running); do cat /proc/"$pid"/task/*/status; done | awk '/ctxt_switches:/ { sum += $2 } END { print sum + 0 }'; }

promise="the program is there once"
[ "$(find /usr/local/libexec/au /usr/local/libexec/au-net -name au -type f -printf '%i\n' | sort -u | wc -l)" = 1 ] || fail "$(find /usr/local/libexec -name au -ls)"

promise="after a minute without anything open there is one process, and it sleeps"
echo "$many agents, just restricted: $(running | wc -l) processes, $(pss) KB"
sleep 75
echo "$many agents, idle: $(running | wc -l) processes, $(pss) KB"
[ "$(running | wc -l)" = 1 ] || fail "$(ps -ef | grep '[a]u net\|[n]ft')"
[ "$(pss)" -le 20480 ] || fail "$(pss) KB"
before=$(wakes)
sleep 30
after=$(wakes)
echo "woken $((after - before)) times in 30 s"
[ $((after - before)) -le 5 ] || fail "woken $((after - before)) times in 30 s"

promise="each is there for its agent, and every agent's rules are put back"
for n in 1 "$many"; do
	ok as alice au run -a "g$n" -- curl -sS --max-time 20 https://allowed.test/
	untouched as alice au run -a "g$n" -- curl -sS --max-time 20 https://attacker.test/
done
began=$(date +%s)
nft flush ruleset
back() { nft list tables | grep -cE 'au_net_[0-9]+$'; }
while [ "$(back)" != "$many" ]; do
	[ $(($(date +%s) - began)) -le 30 ] || fail "the rules of $(back) agents are back"
	sleep 0.25
done
echo "rules of $many agents were back after $(($(date +%s) - began)) s"

promise="an upgrade of one agent changes nothing for the others, and what the last one leaves goes"
program=$(find /usr/local -name au-complete)
cp "$program" "$program.new"
printf x >>"$program.new"
mv "$program.new" "$program"
ok as alice au net restrict -a g1
[ "$(find /usr/local/libexec/au -name au -type f -printf '%i\n' | sort -u | wc -l)" = 2 ] || fail "there are not two versions"
ok as alice au run -a g2 -- curl -sS --max-time 20 https://allowed.test/
for n in $(seq "$many"); do ok as alice au net off -a "g$n"; done
[ -z "$(find /etc/systemd/system -name 'au-net*'; find /usr/local/libexec/au-net /usr/local/libexec/au -name au -type f 2>/dev/null)" ] || fail "files stayed"
[ -z "$(running)" ] || fail "processes stayed"
