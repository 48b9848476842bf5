#!/bin/sh
# A run sees its own processes, temporary files, shared memory and home, and none of the sockets that work for others.
. /opt/e2e/tests/attacks/common
rm -f /tmp/kept /var/tmp/kept
ok enter -- sh -c 'ls -d /proc/[0-9]* | wc -l'
[ "$(output)" -le 4 ] || fail "processes of others can be seen"
fails 2 enter -- ls /proc/1
ok enter -- sh -c 'ps -e -o user= | sort -u'
says_exactly agent

promise="the home of the human and of everybody else is covered, its own is not"
install -d -m 755 /home/open
touch /home/open/to_all
ok enter -- ls /home
says_exactly agent
fails 1 enter -- cat /home/open/to_all
rm -r /home/open

promise="temporary files are the agent's own, and kept from run to run"
touch /tmp/of_others /var/tmp/of_others /dev/shm/of_others
ok enter -- sh -c 'ls -A /tmp /var/tmp /dev/shm; touch /tmp/kept /var/tmp/kept /dev/shm/gone'
says_not of_others
ok enter -- ls -A /tmp /var/tmp /dev/shm
says kept
says_not gone
ok sh -c '! test -e /tmp/kept'
fails 2 human ls /run/au/agent
ok enter -- rm /tmp/kept /var/tmp/kept
rm /tmp/of_others /var/tmp/of_others /dev/shm/of_others
ok enter -- awk '$5 ~ "^/(tmp|var/tmp|dev/shm|run/user|proc)$" { last[$5] = $5 " " $6 } END { for (m in last) print last[m] }' /proc/self/mountinfo
[ "$(grep -c ' rw,nosuid,nodev' $e2e/out)" = 5 ] || fail "all five should be nosuid and nodev"

promise="and have one name: the run has no other mount of them, which it could not walk to"
ok enter -- sh -c 'grep -c " /tmp /tmp " /proc/self/mountinfo; grep " /run/au/agent " /proc/self/mountinfo || true'
says_exactly 1

promise="nothing is taken for the place where they are kept but what root has mounted there, in memory, and closed"
install -d -m 700 /home/planted
for options in '-t tmpfs -o uid=1001,mode=0700' '-t tmpfs -o mode=0755' '--bind /home/planted'; do
	# shellcheck disable=SC2086 # words
	case $options in --bind*) mount $options /run/au/agent ;; *) mount $options planted /run/au/agent ;; esac
	ok enter -- touch /tmp/planted /var/tmp/planted
	ok find /run/au/agent -mindepth 1
	silent
	# Then they are the run's own, with a bound.
	ok enter -- df --output=size /tmp
	[ "$(tail -n 1 $e2e/out)" -le $(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 3)) ] || fail "a quarter of the memory is the bound"
	umount /run/au/agent
done
rmdir /home/planted
mount -o remount,suid,dev /run/au/agent
ok enter -- awk '$5 == "/tmp" { last = $6 } END { print last }' /proc/self/mountinfo
says nosuid,nodev
mount -o remount,nosuid,nodev /run/au/agent

promise="the runtime folders of humans are covered"
install -d -o alice -m 755 /run/user/1000
touch /run/user/1000/au-attack
ok enter -- ls /run/user
says_exactly "$agent"
rm /run/user/1000/au-attack

promise="a broker's socket cannot be reached"
rm -f /run/docker.sock
python3 -c 'import socket, os; s = socket.socket(socket.AF_UNIX); s.bind("/run/docker.sock"); os.chmod("/run/docker.sock", 0o666); s.listen(9)
import time; time.sleep(60)' &
broker=$!
soon test -S /run/docker.sock
ok human python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
fails 1 enter -- python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/docker.sock")'
fails 1 enter -- python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket")'
kill $broker
rm -f /run/docker.sock

promise="nor one that starts, or starts again, while the run goes on; the machine's /run is seen as it is now, and cannot be written to"
cat >/opt/serve.py <<'END'
# serve.py: opens sockets and a pipe to everybody, two of them where something is hidden as a run begins; prints what comes.
import os, socket, time
for path, kind in ("/run/docker.sock", socket.SOCK_STREAM), ("/run/late/stream", socket.SOCK_STREAM), ("/run/late/datagram", socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_UNIX, kind)
    os.makedirs("/run/late", exist_ok=True)
    if os.path.lexists(path): os.unlink(path)
    s.bind(path)
    os.chmod(path, 0o666)
    if kind == socket.SOCK_STREAM: s.listen(9)
    globals()[path] = s
os.umask(0)
os.mkfifo("/run/late/pipe", 0o666)
keep = os.open("/run/late/pipe", os.O_RDWR)
os.mkdir("/run/late/open", 0o777)
with open("/run/late/file", "w") as f: f.write("now")
os.rename("/run/late/file", "/run/late/ready")
time.sleep(60)
END
cat >/opt/reach.py <<'END'
# reach.py: waits for serve.py's last file and reads it, then prints each that it could reach.
import os, socket, sys, time
for _ in range(200):
    if os.path.exists("/run/late/ready"): break
    time.sleep(0.1)
print(open("/run/late/ready").read(), flush=True)
def pipe(path): os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
def stream(path): socket.socket(socket.AF_UNIX).connect(path)
def datagram(path): socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"secret", path)
def make(path): os.mkdir(path)
def write(path): open(path, "w").close()
for way, path in (stream, "/run/docker.sock"), (stream, "/run/late/stream"), (datagram, "/run/late/datagram"), (pipe, "/run/late/pipe"), \
        (make, "/run/late/open/made"), (write, "/run/late/ready"), (stream, "/run/dbus/system_bus_socket"), (datagram, "/run/systemd/journal/socket"):
    try:
        way(path)
        print("got", path)
    except OSError: pass
END
reached='got /run/docker.sock
got /run/late/stream
got /run/late/datagram
got /run/late/pipe
got /run/late/open/made
got /run/late/ready
got /run/dbus/system_bus_socket
got /run/systemd/journal/socket'
# late COMMAND…: runs reach.py by COMMAND, lets the server start once that waits, and shows what it printed.
late() {
	rm -rf /run/docker.sock /run/late
	[ -z "$hidden" ] || touch /run/docker.sock
	"$@" python3 /opt/reach.py >$e2e/late 2>&1 &
	reach=$!
	soon sh -c "pgrep -u $who -f ^python3./opt/reach.py >/dev/null"
	python3 /opt/serve.py &
	server=$!
	wait $reach
	kill $server
	rm -rf /run/docker.sock /run/late
	cat $e2e/late
}
hidden='' who=alice
ok late human
says_exactly "now
$reached"
hidden=1 who=agent
ok late enter --
if since 6.3; then
	says_exactly now
	ok enter -- sh -c 'findmnt -n -o PROPAGATION /run | tail -n 1'
	says_exactly private
else
	# Without id maps for a tmpfs there is what was hidden as the run began, until it is made anew.
	says_exactly "now
$(echo "$reached" | grep -v system_bus)"
fi
ok enter -- ls /run/systemd
says journal

install -d -m 755 /run/screen
cat >/opt/serve1.py <<'END'
import os, socket, time
for path in "/run/docker.sock", "/run/unnamed.sock", "/run/screen/socket":
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    os.chmod(path, 0o666)
    s.listen(9)
    globals()[path] = s
time.sleep(60)
END
python3 /opt/serve1.py &
broker=$!
soon test -S /run/screen/socket
connects() { enter -- python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1"; }
# The socket that no policy names: closed by the seal alone.
unnamed="fails 1"
unnamed_too="/run/unnamed.sock /tmp/r/unnamed.sock"
since 6.3 || unnamed=ok unnamed_too=

promise="what a policy shows of /run is as it is, and nothing else is"
cp -p $policy /etc/au/kept
sed -i '/^hide .run.screen$/d' $policy
printf 'show /run/screen\nshow /run/absent\nallow services\n' >>$policy
ok connects /run/screen/socket
fails 1 connects /run/docker.sock
fails 1 connects /run/dbus/system_bus_socket
$unnamed connects /run/unnamed.sock
# A link shows nothing by itself.
ln -s screen /run/shown_link && ln -s docker.sock /run/link
printf 'show /run/link\nshow /run/shown_link\n' >>$policy
ok connects /run/shown_link/socket
fails 1 connects /run/link
rm /run/link /run/shown_link

promise="with set-uid programs /run is not sealed, and what is not named is hidden as the run begins"
cp -p /etc/au/kept $policy
sed -i '/^hide .run.screen$/d' $policy
echo 'allow setuid' >>$policy
ok connects /run/screen/socket
ok connects /run/unnamed.sock
fails 1 connects /run/docker.sock
fails 1 connects /run/dbus/system_bus_socket

promise="in namespaces of its own an agent takes none of it away"
cp -p /etc/au/kept $policy
echo 'allow userns' >>$policy
# shellcheck disable=SC2016
ok enter -- unshare -Urm sh -c 'umount -l /run/user; umount /run; umount -l /run; mkdir -p /tmp/r; mount --bind /run /tmp/r || mount --rbind /run /tmp/r
	for s; do
		python3 -c "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])" $s && exit 1
	done; test -S /run/unnamed.sock && test -S /tmp/r/unnamed.sock' sh /run/docker.sock /tmp/r/docker.sock $unnamed_too

promise="and without either, neither is reached"
mv /etc/au/kept $policy
fails 1 connects /run/screen/socket
$unnamed connects /run/unnamed.sock
kill $broker
rm -rf /run/docker.sock /run/unnamed.sock /run/screen /opt/serve1.py /opt/serve.py /opt/reach.py

promise="System V shared memory of others is not there"
ok python3 -c 'import ctypes; print(ctypes.CDLL(None).shmget(0xa77ac, 4096, 0o1666))'
ok enter -- python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).shmget(0xa77ac, 4096, 0) >= 0)'
ok python3 -c 'import ctypes; c = ctypes.CDLL(None); c.shmctl(c.shmget(0xa77ac, 4096, 0), 0, None)'
