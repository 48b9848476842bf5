#!/bin/sh
# If an agent takes all of something, its human still opens a terminal, pauses the agent, and stops and deletes it.
# alone: yes
# timeout: 2400
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh
ok as alice au new -y
uid=$(id -u agent)
ok systemctl show -P TasksMax "user-$uid.slice"
says_not infinity
[ "$(output)" -lt "$(cat /proc/sys/kernel/pid_max)" ] || fail "the agent's tasks should be fewer than there are numbers for processes"
# That is tens of thousands here; what a bound does shows with fewer, too.
ok as alice au limits set --tasks 1000

cat >/opt/take.py <<'END'
# take.py WHAT: takes all there is of it, says so by a file in the home, and holds it.
import ctypes, errno, os, resource, select, socket, struct, sys, time
libc, rt = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("librt.so.1", use_errno=True)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
spare = os.open("/dev/null", os.O_RDONLY)
held = []

def hold(result):
    if result < 0: raise OSError(ctypes.get_errno(), "")
    held.append(result)

def tasks(n):
    if os.fork() == 0:
        while True: time.sleep(99)

# They all begin at once: had they begun one by one, each fork would have had to wait for all that run.
def processors(n):
    if n == 0: held.append(os.pipe())
    if n == 200:
        os.close(held[0][1])
        raise OSError(errno.ENOSPC, "")
    if os.fork() == 0:
        os.close(held[0][1])
        os.read(held[0][0], 1)
        while True: pass

def watches(n):
    if n == 0: hold(libc.inotify_init())
    os.mkdir(f"/tmp/{n}")
    if libc.inotify_add_watch(held[0], b"/tmp/%d" % n, 0xfff) < 0: raise OSError(ctypes.get_errno(), "")

def ports(n):
    if n == 28232: raise OSError(errno.ENOSPC, "")
    if n % 14000 == 13999:
        if os.fork() == 0:
            while True: time.sleep(99)
        for s in held: s.close()
        held.clear()
    s = socket.socket()
    held.append(s)
    try: s.bind(("127.0.0.1", 32768 + n))
    except OSError as error:
        if error.errno != errno.EADDRINUSE: raise

def buffers(n):
    pair = socket.socketpair()
    held.append(pair)
    pair[0].setblocking(False)
    try:
        while n < 2000: pair[0].send(bytes(4096))
    except BlockingIOError: pass

def flows(n):
    if n == 60000: raise OSError(errno.ENOSPC, "")
    s = held[0] if held else socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if not held: held.append(s)
    try: s.sendto(b"x", (f"127.{1 + n // 250 % 250}.{n // 62500}.{1 + n % 250}", 9))
    except OSError: pass # refused: it was sent

def inodes(n): os.close(os.open(f"/tmp/i{n}", os.O_CREAT | os.O_WRONLY))
def terminals(n): held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
def files(n): held.append(os.open("/dev/null", os.O_RDONLY))
def instances(n): hold(libc.inotify_init())
def keys(n): hold(libc.syscall(248 if os.uname().machine == "x86_64" else 217, b"user", b"k%d" % n, b"x", 1, -3))
def queues(n): hold(rt.mq_open(b"/q%d" % n, os.O_RDWR | os.O_CREAT, 0o600, None))
def segments(n): hold(libc.shmget(0, 4096, 0o1600))
def semaphores(n): hold(libc.semget(0, 1, 0o1600))
def pipes(n): held.append(os.pipe())
def polls(n): held.append(select.epoll())
def fill(folder, n):
    with open(f"{folder}/big{n}", "wb") as f: os.posix_fallocate(f.fileno(), 0, size)
def memory(n): fill("/tmp", n)

size = 16 << 20
def disk(n):
    global size
    try: fill("/home/agent", n)
    except OSError:
        if size == 4096: raise
        size //= 16

# Any user may have the kernel log each call of its own; where journald reads the kernel's audit, each is a line.
def journal(n):
    code = lambda *words: struct.pack("=HBBI", *words)
    filter = code(0x20, 0, 0, 0) + code(0x15, 0, 1, 110 if os.uname().machine == "x86_64" else 173) + code(6, 0, 0, 0x7ffc0000) + code(6, 0, 0, 0x7fff0000)
    buffer = ctypes.create_string_buffer(filter)
    if libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(buffer)))) != 0: raise OSError(ctypes.get_errno(), "seccomp")
    if os.fork() == 0:
        while True: os.getppid()
    raise OSError(errno.ENOSPC, "")
class Filter(ctypes.Structure): _fields_ = [("n", ctypes.c_ushort), ("code", ctypes.c_void_p)]

n, said = 0, time.monotonic()
try:
    while True:
        globals()[sys.argv[1]](n)
        n += 1
        if time.monotonic() > said + 5:
            print(f"so far: {n}", flush=True)
            said = time.monotonic()
except OSError as error: why = error
os.close(spare)
for h in held[-3:]:
    try: os.close(h)
    except (TypeError, OSError): pass
print(f"{sys.argv[1]}: {n}, then {why}", flush=True)
os.close(os.open("/run/user/%d/took" % os.getuid(), os.O_CREAT | os.O_WRONLY))
print("took", flush=True)
time.sleep(999)
END

# takes WHAT: lets the agent take all of it, in a run that goes on.
takes() {
	: >$e2e/took # here, since the look below may come before the run begins
	runuser -l alice -c "au run python3 /opt/take.py $1" >>$e2e/took 2>&1 </dev/null &
	taker=$!
	e2e_last="au run python3 /opt/take.py $1" e2e_status=0
	e2e_tries=0 seen=
	until grep -q '^took$' $e2e/took; do
		kill -0 $taker 2>/dev/null || fail "the run ended: $(cat $e2e/took)"
		# An emulated processor may need minutes. It is enough that more is taken.
		[ "$seen" = "$(wc -l <$e2e/took)" ] || { seen=$(wc -l <$e2e/took); e2e_tries=0; }
		[ $((e2e_tries += 1)) -lt 600 ] || fail "not all was taken: $(tail -n 3 $e2e/took)"
		sleep 0.2
	done
	grep ', then ' $e2e/took
}
# human_can: what the human does against it.
human_can() {
	ok at_terminal alice sudo -n echo opened
	says opened
	if [ -n "$can_pause" ]; then
		ok as alice au pause
		ok as alice au resume
	fi
	ok as alice au stop
	wait $taker
}
can_pause=1
ok as alice au pause --dry-run || can_pause=

for what in tasks processors terminals files instances watches keys queues segments semaphores ports buffers pipes polls inodes; do
	promise="of $what"
	takes $what
	[ $what != keys ] || ok as alice au run true
	human_can
done

promise="no key is left of it"
soon awk -v uid="$uid:" '$1 == uid && $4 ~ "^[0-9][0-9]" { left = 1 } END { exit left }' /proc/key-users

promise="of the journal: a run reaches none of its sockets, and what the kernel writes there has journald's own bound"
ok as alice au run python3 -c 'import errno, os, socket
for name in "/run/systemd/journal/socket", "/run/systemd/journal/dev-log", "/run/systemd/journal/stdout", "/run/systemd/journal/syslog", "/dev/log", "/run/systemd/notify":
    for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
        try: socket.socket(socket.AF_UNIX, kind).connect(name)
        except OSError as error: pass
        else: raise SystemExit(name + " can be written")
try: os.open("/dev/kmsg", os.O_WRONLY)
except OSError: pass
else: raise SystemExit("/dev/kmsg can be written")'
takes journal
sleep 5
human_can
echo "journal: $(journalctl --disk-usage 2>&1), $(journalctl -b --no-pager -o cat 2>/dev/null | grep -c 'syscall=110 ') lines of it"

promise="of the machine's table of connections, where it has one"
nft add table inet e2e && nft add chain inet e2e out '{ type filter hook output priority 0; }' && nft add rule inet e2e out ct state new accept
takes flows
human_can
nft delete table inet e2e

promise="what the agent left in /tmp ends with au stop, and the unit has a bound and an age for it"
ok as alice au run touch /tmp/left
ok as alice au run ls /tmp
says left
ok as alice au stop
ok as alice au run ls -A /tmp /var/tmp
says_not left
ok findmnt -n -o FSTYPE,OPTIONS /run/au/agent
says 'tmpfs'
says 'nr_inodes=1048576'
ok df --output=size /run/au/agent
[ "$(tail -n 1 $e2e/out)" -le $(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 2 + 4)) ] || fail "half of the memory, in whole pages, is the bound"

promise="what removes old files there follows no link of the agent's"
ok cat /etc/tmpfiles.d/au-agent.conf
says 'e /run/au/agent/tmp - - - 10d'
says 'e /run/au/agent/var-tmp - - - 30d'
mkdir /opt/kept && touch /opt/kept/file
ok as alice au run sh -c 'mkdir -p /tmp/deep/er && touch /tmp/deep/er/old && ln -s /opt/kept /tmp/link && ln -s /opt/kept/file /var/tmp/link'
sed -E 's/ (10|30)d$/ 0/' /etc/tmpfiles.d/au-agent.conf >/opt/now.conf
ok systemd-tmpfiles --clean /opt/now.conf
ok as alice au run find /tmp /var/tmp -mindepth 1
silent
ok test -e /opt/kept/file

# An attack that would take all of this host too is tried in a machine that has a disk and memory of its own.
if [ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 4000000 ]; then
	promise="of memory: its temporary files fill what they may, and it takes the rest"
	ok as alice au limits reset
	takes memory
	runuser -l alice -c "au run python3 -c 'held = [bytes(16 << 20) for _ in range(1000)]'" >/dev/null 2>&1
	human_can

	promise="of the disk"
	takes disk
	human_can
	takes disk
fi
ok as alice au delete -y -H
soon sh -c '! findmnt /run/au/agent'
