#!/bin/sh
# The daemon of a restricted agent sees no home, process, device or file of others, and writes nothing but its log, whoever has taken it over.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y
ok as alice au net restrict --allow allowed.test
log=/var/log/au/agent
: >/tmp/planted
: >/var/tmp/planted
mkdir -m 777 /var/lib/open
id=$(ipcmk -M 4096 -p 666 | sed 's/.*: //')
key=$(ipcs -m | awk -v id="$id" '$2 == id { print $1 }')

cat >/run/walls.py <<'PYTHON'
# walls.py FILE KEY: writes into FILE a line for each attack: OPEN, or what the kernel said.
import ctypes, mmap, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)

def written(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

class Timex(ctypes.Structure):  # all of it is 0: it asks only
    _fields_ = [("all", ctypes.c_char * 512)]

attacks = {
    "the folders of homes": lambda: os.listdir("/home"),
    "runtime folders of humans": lambda: os.listdir("/run/user"),
    "temporary files": lambda: os.stat("/tmp/planted"),
    "old temporary files": lambda: os.stat("/var/tmp/planted"),
    "other processes": lambda: os.stat("/proc/1"),
    "itself in proc": lambda: os.listdir("/proc/self/fd"),
    "settings of the kernel": lambda: open("/proc/sys/kernel/hostname"),
    "what sysfs shows": lambda: os.listdir("/sys"),
    "devices": lambda: os.listdir("/dev"),
    "shared memory": lambda: written("/dev/shm/planted"),
    "a segment of others": lambda: call("shmget", int(sys.argv[2], 16), 0, 0),
    "a folder that everybody may write": lambda: written("/var/lib/open/new"),
    "memory that can be written and executed": lambda: mmap.mmap(-1, 4096, prot=7),
    "sockets of another kind": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
    "a namespace of users": lambda: call("unshare", 0x10000000),
    "the clock": lambda: call("clock_adjtime", 0, ctypes.byref(Timex())),
    "another personality": lambda: call("personality", 0x0040000),
    "the kernel's log": lambda: call("klogctl", 10, None, 0),
    "another scheduler": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "another priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 5),
    "a set-uid file": lambda: os.chmod(sys.argv[1], 0o4600),
    "debugging": lambda: call("ptrace", 0, 0, 0, 0),
}
with open(sys.argv[1], "w") as out:
    for name, attack in attacks.items():
        try:
            attack()
            print(f"OPEN {name}", file=out)
        except OSError as e:
            print(f"held {name}: {e}", file=out)
PYTHON

promise="the daemon begins, and reads its policy anew, behind its walls"
ok systemctl restart au-net@agent.service
ok systemctl reload au-net@agent.service
ok systemctl is-active au-net@agent.service

promise="without its walls its user could do all of that"
ok setpriv --reuid=aunet-agent --regid=aunet-agent --clear-groups python3 /run/walls.py $log/without "$key"
cat $log/without
[ "$(grep -c OPEN $log/without)" -ge 16 ] || fail "so few attacks succeed without walls that this shows little"

promise="the daemon's own walls hold each attack, and leave it its log"
mkdir -p /run/systemd/system/au-net@agent.service.d
printf '[Service]\nType=oneshot\nExecStart=\nExecStart=/usr/bin/python3 /run/walls.py %s/within %s\n' $log "$key" >/run/systemd/system/au-net@agent.service.d/walls.conf
ok systemctl daemon-reload
ok systemctl restart au-net@agent.service
cat $log/within
grep OPEN $log/within && fail "a wall is open"
[ "$(wc -l <$log/within)" = "$(wc -l <$log/without)" ] || fail "not all was tried"
