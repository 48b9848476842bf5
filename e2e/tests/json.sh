#!/bin/sh
# Each command with --json prints what docs/json.md says of it, on a real machine too, with all that a simulated one lacks: runs, limits, layers, attacks.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
page=/opt/e2e/docs/json.md
against() { python3 /opt/e2e/tests/json/page.py $page "$@"; }
# reads COMMAND [WORD…] sees that `au COMMAND WORD… --json` prints what the page says of COMMAND. It runs in a folder with a draft.
reads() {
	command=$1
	shift
	# shellcheck disable=SC2086 # words
	e2e_run as alice sh -c 'cd drafted && exec au "$@" --json' sh $command "$@"
	# shellcheck disable=SC2086 # words
	against $command <"$e2e/out" >>/run/met 2>/run/differs || fail "the page says something else: $(cat /run/differs)"
}
as alice mkdir -p project drafted
as alice touch drafted/before
ok as alice au new -y
ok as alice au new -y -a other
ok as alice au mount add --rw project
ok as alice au mount add --draft drafted
ok as alice au path add /usr/local/bin
ok as alice au limits set --tasks 500 --mem 1G
# There has to be a way out that the rules close.
ok sh -c 'ip link add out0 type veth peer name out1 && ip link set out1 up && ip link set out0 up && ip addr add 198.51.100.9/24 dev out0 && ip route add default dev out0 metric 4000'
ok as alice au net restrict --allow 192.0.2.7 --allow allowed.test
as alice au run -- getent hosts refused.test
ok as alice au run -d drafted mv before after
as alice au export >/run/file
as alice sh -c 'sed s/500/600/ >changed.toml' </run/file

promise="each command prints what the page says"
reads 'draft diff'
as alice au run -d drafted sleep 600 >/dev/null 2>&1 </dev/null &
run=$!
soon sh -c 'au --human alice list | grep -q sleep'
reads list
reads info
reads 'mount list'
reads 'mount check'
reads 'path list'
reads 'draft list'
reads 'limits show'
reads top
reads log
reads 'net status'
reads 'net log'
reads 'net why' 192.0.2.8
reads doctor
reads verify
reads setup
reads apply --dry-run ../changed.toml

promise="each thing that only a real machine has was there"
systemctl stop au-net@agent.service
reads 'net status' --verify
uid=$(id -u agent)
echo 400 >"$(ls -d /sys/fs/cgroup/user.slice/user-$uid.slice /sys/fs/cgroup/pids/user.slice/user-$uid.slice 2>/dev/null | head -n 1)/pids.max"
reads 'limits show'
(umask 077 && echo alice:secret >/etc/proxy-login)
ok as alice au net restrict --upstream http://192.0.2.9:3128 --upstream-login /etc/proxy-login
reads 'net status'
e2e_last=
against </run/met 2>/run/lacks || fail "$(cat /run/lacks)"

promise="what the page does not say is seen"
e2e_run as alice au list --json
for wrong in 's/"name":/"nome":/' 's/"default": true/"default": 1/' 's/"default": true,//' 's/^\[//; s/^\]//'; do
	sed "$wrong" "$e2e/out" >/run/wrong
	! against list </run/wrong >/run/said 2>&1 || fail "nobody saw: $wrong"
done
! grep -v '^au top$' /run/met | against 2>/run/said || fail "nobody saw that au top had no line"
ok as alice au stop
wait $run || : # it was ended
