#!/bin/sh
# A file system that does not answer holds up no report: within seconds the run is over, and one line names what did not answer.
# machines: trixie
# machines by hand: bookworm
# flavour: disks
. /opt/e2e/lib.sh
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
chmod 0666 /dev/fuse
ok as alice au new -y
as alice mkdir -p proj/remote other
ok as alice au mount add --rw proj
ok as alice au mount add --rw other
mkdir -p /srv/real /mnt/far
head -c 100000 /dev/zero >/srv/real/package.json
chown -R alice: /srv/real

# in_a_run COMMAND: runs it, as root, while a run goes on that changes a file in the other share.
in_a_run() {
	as alice rm -f other/.envrc other/go other/begun
	as alice timeout 60 au run -d /home/agent/other sh -c 'touch begun; until [ -e go ]; do sleep 0.1; done; touch .envrc' >/run/out 2>/run/err &
	run=$!
	soon test -e /home/alice/other/begun
	"$@"
	ok as alice touch other/go
	began=$(date +%s)
	wait $run || fail "the run ended with status $? after $(($(date +%s) - began)) s: $(cat /run/err)"
	[ $(($(date +%s) - began)) -le 30 ] || fail "the report took $(($(date +%s) - began)) s"
	cp /run/err "$e2e/err"
	complains 'au:   .envrc' # of the other share
}

promise="one whose server takes the question and keeps the answer"
slow() { ok bindfs --read-rate=1 /srv/real /home/alice/proj/remote; }
in_a_run slow
complains 'au: /home/alice/proj was not looked at: /home/alice/proj/remote did not answer'
ok umount --force --lazy /home/alice/proj/remote

promise="one whose server is stopped"
stopped() {
	ok bindfs /srv/real /home/alice/proj/remote
	kill -STOP "$(pgrep -nx bindfs)"
}
in_a_run stopped
complains 'au: /home/alice/proj was not looked at: /home/alice/proj/remote did not answer'
kill -CONT "$(pgrep -nx bindfs)"
ok umount --force --lazy /home/alice/proj/remote

promise="one to which a link of the agent's leads"
stopped() {
	ok bindfs /srv/real /mnt/far
	kill -STOP "$(pgrep -nx bindfs)"
	ok as alice ln -s /mnt/far/package.json proj/link
}
in_a_run stopped
complains 'au: /home/alice/proj was not looked at: a file system did not answer'
ok as alice rm proj/link
ok umount --force --lazy /mnt/far

promise="without one, all is looked at, and nothing of that kind is said"
in_a_run true
! grep -q 'not looked at' "$e2e/err" || fail "it says: $(cat "$e2e/err")"
