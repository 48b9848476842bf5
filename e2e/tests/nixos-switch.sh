#!/bin/sh
# A switch of NixOS that keeps an agent opens nothing, and what it takes away leaves no rules behind.
# machines: trixie
# machines by hand: bookworm true
# timeout: 900
. /opt/e2e/lib.sh
. /opt/e2e/tests/nixos/lib.sh

# A switch stops what changed or is gone, then /etc changes, systemd reads its units again, and what is wanted starts.
ok as alice sh -c 'mkdir -p example hidden/docs other drafted && git config --global user.name Alice && chmod o= .'
runuser -u alice -- python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 &
soon as alice au run -a claude curl -sS -m 10 -o /dev/null http://127.0.0.1:8000/

# A process with the agent's uid sends, a thousand times a second; what gets through is counted.
cat >/tmp/send.py <<'PYTHON'
import socket, sys, time
out = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
while True:
    for s, to in zip(out, ("127.0.0.1", "::1")):
        try: s.sendto(sys.argv[1].encode(), (to, 9999))
        except OSError: pass
    time.sleep(0.0005)
PYTHON
cat >/tmp/sink.py <<'PYTHON'
import socket
at = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
at.bind(("::", 9999))
while True:
    with open("/tmp/came/" + at.recv(100).decode(), "a") as f: f.write("x")
PYTHON
mkdir /tmp/came
python3 /tmp/sink.py &
soon sh -c 'ss -Hlun | grep -q :9999'
units_of() { echo "au-net-watch@$1.service au-net@$1.service au-net@$1.socket au-net6@$1.socket au-net-rules@$1.service"; }
starts() { ok systemctl start "au-net-rules@$1.service" "au-net@$1.socket" "au-net6@$1.socket" "au-net@$1.service" "au-net-watch@$1.service" "au-$1.service"; }
rules() { # NAME
	if [ "$1" = tabled ]; then iptables-save | grep -q au-net-50004; else nft list table inet "au_net_$(uid_of "$1")" >/dev/null 2>&1; fi
}
uid_of() { case $1 in shut) echo 50002 ;; tabled) echo 50004 ;; gone) echo 50006 ;; esac; }
# kept NAME COMMAND…: while it runs, the rules are there at every look, and nothing of the agent's gets through.
kept() {
	kept_name=$1
	shift
	rm -f /tmp/absent "/tmp/came/$kept_name"
	(while [ ! -e /tmp/enough ]; do rules "$kept_name" || echo absent >>/tmp/absent; done) &
	looker=$!
	setpriv --reuid="$(uid_of "$kept_name")" --regid="$(uid_of "$kept_name")" --clear-groups python3 /tmp/send.py "$kept_name" &
	sender=$!
	sleep 0.5
	ok "$@"
	sleep 0.5
	kill $sender
	: >/tmp/enough
	wait $looker
	rm /tmp/enough
	[ ! -e /tmp/absent ] || fail "the rules of $kept_name were gone while: $*"
	[ ! -e "/tmp/came/$kept_name" ] || fail "$(wc -c <"/tmp/came/$kept_name") packets of $kept_name got through while: $*"
}
for name in shut tabled gone; do
	starts $name
	soon rules $name
done
for name in shut tabled; do
	units=$(units_of $name)
	promise="$name: a restart, and a switch to another au, which stops all units and keeps the policy, opens nothing"
	kept $name systemctl restart au-net-rules@$name.service
	# shellcheck disable=SC2086 # several units
	kept $name systemctl stop $units au-net-watch.service
	kept $name sleep 4
	kept $name starts $name
	ok sh -c '! pgrep -f "[n]et depart"'
	fails 22 as alice au run -a $name curl -fsS -m 10 -o /dev/null http://127.0.0.1:8000/

	promise="$name: a switch in which a file is away for a moment opens nothing either"
	# shellcheck disable=SC2086
	ok systemctl stop $units
	mv /etc/au/net/$name.toml /tmp/
	kept $name sleep 0.1
	mv /tmp/$name.toml /etc/au/net/
	kept $name sleep 4
	starts $name
done

# away NAME [UNIT]: the switch's end, where the network policy of that agent and the unit are not in the new system, which has no au either.
away() {
	# shellcheck disable=SC2046
	ok systemctl stop $(units_of "$1") ${2-}
	rm /usr/bin/au # the old system's is in the store still
	rm -rf "/etc/au/net/$1.toml" "/etc/systemd/system/user-$(uid_of "$1").slice.d/au-net.conf"
	for unit in $(units_of "$1") ${2-}; do rm -f "/etc/systemd/system/$unit"; done
}
# leaves NAME: its rules and pins are gone, and so is the process that looked.
leaves() {
	soon sh -c '! '"$2"
	soon sh -c '! ls /sys/fs/bpf/au* 2>/dev/null | grep '"$(uid_of "$1")"
	soon sh -c '! pgrep -f "[n]et depart.* '"$1"'$"'
}
back() { ln -s $store/bin/au /usr/bin/au; }
rewrite() { python3 -c 'import json, sys
d = json.load(open("/etc/au/agents.json"))
exec(sys.argv[1])
json.dump(d, open("/etc/au/agents.json", "w"))' "$1"; }

promise="with net.enable off the rules, the pins and the agent's tie to them go, and the status says so truly"
away shut
rewrite 'd["agents"]["shut"]["net"] = None'
ok systemctl daemon-reload
ok systemctl start au-shut.service
leaves shut 'nft list table inet au_net_50002'
back
ok as alice au net status -a shut
says 'Agent shut reaches everything that you reach'
ok as alice au run -a shut curl -fsS -m 10 -o /dev/null http://127.0.0.1:8000/
setpriv --reuid=50002 --regid=50002 --clear-groups timeout 2 python3 /tmp/send.py open # what was counted above gets through now
[ -s /tmp/came/open ] || fail "nothing is counted, so that the counts above show nothing"

promise="with a restricted agent removed, its user too, they go as well"
away gone
ok systemctl stop au-gone.service
rewrite 'del d["agents"]["gone"]'
rm -rf /etc/au/agents/gone /etc/systemd/system/au-gone.service /etc/systemd/system/au-gone.service.d /etc/systemd/system/user@50006.service.d
ok sh -c 'userdel gone && userdel aunet-gone && groupdel su-as-gone'
ok systemctl daemon-reload
leaves gone 'nft list table inet au_net_50006'
back
promise="one that stays is watched over as before"
ok systemctl is-active au-net-watch.service
ok sh -c 'iptables-save | grep -v au-net-50004 | iptables-restore'
soon rules tabled

promise="with security.au.enable = false nothing is left of any of them"
away tabled au-net-watch.service
ok systemctl stop au-tabled.service au-shut.service
mv /etc/au /tmp/etc-au
ok systemctl daemon-reload
leaves tabled 'iptables-save | grep au-net'
ok sh -c '! ip6tables-save | grep au-net && ! nft list ruleset | grep -E "au[_-]net" && ! pgrep -f "[n]et watch"'
