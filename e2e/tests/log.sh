#!/bin/sh
# au log shows what ran when, who ran it, with which folders, and how it ended; nobody but an entrypoint writes a line of it.
# machines: trixie
# machines by hand: bookworm true
# waits: yes
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au new -y -a other
ok as alice au grant -y bob
as alice mkdir -p "project/a b" secret
ok as alice au mount add --rw project
log() { ok au --human alice log "$@"; }
saw() { soon sh -c "au --human alice log | grep -qE '$1'"; }
day=$(date +%Y-%m-%d)

fails 3 as alice sh -c 'cd "project/a b" && au run sh -c "sleep 1.2; exit 3" s3cret'
saw 'exit 3 '
log
says "$day "
says '  started   agent  alice  sh  in /home/alice/project/a b  read-write /home/alice/project'
says '  exit 3    agent  alice  sh  after 1.'
says_not s3cret
ok as bob au run -a agent true
ok as alice au run -a other --draft project -- true
saw 'other  alice  true  after'
log -a other
says '  started   other  alice  true  in /home/other  draft /home/alice/project'
says_not bob
log
says '  exit 0    agent  bob  true  after'

promise="a run that is ended with its waiter is in it, too; both of its lines have the id that au list shows"
as alice sh -c 'au run sleep 1000 & echo $! >pid; wait' &
soon pgrep -u agent sleep
id=$(as alice au list | sed -n 's/^    run \([a-z0-9]*\): sleep of .*/\1/p')
saw "  started   agent  alice  sleep .*  run ${id:?}\$"
ok sh -c 'kill -KILL $(cat /home/alice/pid)'
wait
saw "  killed    agent  alice  sleep  after .*  run $id\$"

promise="the last lines, those since a time, and JSON for a program"
log -n 1
[ "$(wc -l <"$e2e/out")" = 1 ] || fail "not one line"
says '  killed  '
log -n 0
silent
log --since tomorrow
says_exactly 'No run is in the journal.'
fails 1 au --human alice log --since nonsense
complains 'journalctl: '
complains nonsense
log -n 2 --json
ok python3 - "$e2e/out" <<'PY'
import json, sys
first, second = [json.loads(line) for line in open(sys.argv[1])]
assert first["event"] == "started" and first["dir"] == "/home/agent" and first["shares"] == [{"folder": "/home/alice/project", "access": "read-write"}], first
assert first["run"] == second["run"] and len(first["run"]) == 5, (first, second)
assert second["event"] == "ended" and "status" not in second and second["pid"] == first["pid"] and second["human_uid"] == 1000, second
PY
fails 2 as alice au log -n x
log -a gone
says_exactly 'No run is in the journal.'

promise="it goes on as more comes"
au --human alice log -f -n 0 >/run/e2e/follow 2>&1 &
follow=$!
sleep 1
ok as alice au run pwd
soon grep -q 'exit 0    agent  alice  pwd  after ' /run/e2e/follow
kill -INT $follow
wait $follow || fail "Ctrl-C is a failure"
[ "$(wc -l </run/e2e/follow)" = 2 ] || fail "not two lines: $(cat /run/e2e/follow)"

promise="lines that somebody else has written are not in it"
uid=$(id -u agent)
python3 - <<'PY'
import os, socket, time
def say(uid, text, claims=None):
    if os.fork() == 0:
        os.setgid(uid); os.setuid(uid)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect("/dev/log")
        s.send(b"<86>su_as_agent[%d]: %s" % (claims or os.getpid(), text))
        time.sleep(float(os.environ.get("STAY", "0.5")))
        os._exit(0)
    os.wait()
agent = int(os.popen("id -u agent").read())
for stay in ("0", "0.5"):
    os.environ["STAY"] = stay
    say(agent, b'alice (uid 1000) ran "forged1" as agent: exit 0')
    say(agent, b'alice (uid 1000) runs "forged2" as agent: guard 7, in "/etc"')
    say(agent, b'agent (uid %d) ran "forged3" as agent: exit 0' % agent)
    say(agent, b'alice (uid 1000) ran "forged4" as agent: killed with its waiter')
    say(1001, b'alice (uid 1000) ran "forged5" as agent: exit 0')
    say(1000, b'alice (uid 1000) ran "forged6" as agent: exit 0', 1)
os.environ["STAY"] = "0.5"
say(1000, b'alice (uid 1000) ran "forged7" as agent: exit 0')
PY
# Somebody whose program has the entrypoint's path, in a mount namespace of their own.
cat >/run/e2e/say.py <<'PY'
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/dev/log")
s.send(b'<86>su_as_agent[70]: alice (uid 1000) ran "forged9" as agent: killed with its waiter')
time.sleep(1)
PY
# shellcheck disable=SC2016 # the inner shell expands it
ok unshare --mount sh -c 'mount --bind "$(readlink -f "$(command -v python3)")" /usr/local/libexec/au/agent/su_as_agent &&
	PYTHONHOME=/usr setpriv --reuid carol --regid carol --clear-groups /usr/local/libexec/au/agent/su_as_agent /run/e2e/say.py'
soon sh -c 'journalctl -q -o json -t su_as_agent | grep forged9 | grep -q /usr/local/libexec/au/agent/su_as_agent'
ok as alice logger -t su_as_agent 'alice (uid 1000) ran "forged8" as agent: exit 0'
soon sh -c 'journalctl -q -t su_as_agent | grep -q forged7'
soon sh -c 'journalctl -q -t su_as_agent | grep -q forged4'
log
says_not forged

promise="a human who cannot read the journal of others sees what there is of their own, and is told what to do"
ok as alice au log
complains 'au: you can read only your own part of the journal, if there is one, so runs of others are missing here'
complains 'au: hint: sudo usermod --append --groups systemd-journal alice'
says_not bob
if [ -e "$(echo /var/log/journal/*/user-1000.journal)" ]; then
	says '  exit 3    agent  alice  sh'
fi
ok usermod --append --groups systemd-journal alice
ok as alice au log
says '  exit 0    agent  bob  true'
[ ! -s "$e2e/err" ] || fail "something is still complained of: $(cat "$e2e/err")"
ok as alice sudo au log
says '  exit 0    agent  bob  true'
