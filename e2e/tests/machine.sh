#!/bin/sh
# The machine that the other scripts rely on is a real one, and its own.
# machines: trixie
# machines by hand: bookworm true
. /opt/e2e/lib.sh

promise="systemd is up, and nothing failed to start"
ok systemctl is-system-running
says_exactly running
ok journalctl -b -n 1 --no-pager

promise="alice and bob may use sudo, carol may not; their homes are closed"
ok as alice sudo -n id -u
says_exactly 0
ok as bob sudo -n id -u
fails 1 as carol sudo -n id -u
fails 2 as carol ls /home/alice
ok as alice pwd
says_exactly /home/alice

promise="a session is a real one: logind knows it, with a cgroup and a folder under /run/user"
ok as alice sh -c 'loginctl show-session "$XDG_SESSION_ID" --property=Name --value; test -d "$XDG_RUNTIME_DIR"'
says_exactly alice
ok as alice cat /proc/self/cgroup
says user-1000.slice/session-
fails 7 as alice sh -c 'exit 7'
ok as alice printf '%s|' 'two  words' '$HOME' "it's" -x ''
says "two  words|\$HOME|it's|-x||"
fails 3 at_terminal alice sh -c 'test -t 0 && test -t 1 && exit 3'

promise="sudo and accounts print no warnings"
ok as alice sudo -n true
silent
ok useradd --create-home --uid 1500 dora
silent
ok userdel --remove dora

promise="set-uid, ACLs and user attributes work everywhere"
cat >/tmp/euid.c <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d\n", (int)geteuid()); return 0; }
END
for folder in /usr/local/libexec /etc /home /opt; do
	mkdir -p $folder
	ok gcc -o $folder/euid /tmp/euid.c
	chmod 4750 $folder/euid
	fails 126 as carol $folder/euid
	ok setfacl -m u:carol:r-x $folder/euid
	ok as carol $folder/euid
	says_exactly 0
	ok setfattr -n user.e2e -v yes $folder/euid
	ok getfattr --only-values --absolute-names -n user.e2e $folder/euid
	rm $folder/euid
done

promise="a folder under /home can be mounted with other owners"
cat >/tmp/idmap.py <<'END'
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    done = libc.syscall(number, *arguments)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    libc.unshare(0x10000000)  # CLONE_NEWUSER
    os.write(ready[1], b".")
    os.read(go[0], 1)
    os._exit(0)
os.read(ready[0], 1)
for kind in "uid", "gid":
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write("1000 1002 1")
namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
os.write(go[1], b".")
tree = call(428, -100, b"/home/alice/shared", 0x1 | 0x80000)  # open_tree: CLONE, CLOEXEC
call(442, tree, b"", 0x1000, struct.pack("QQQQ", 0x100000, 0, 0, namespace), 32)  # mount_setattr: IDMAP
call(429, tree, b"", -100, b"/home/carol/shared", 0x4)  # move_mount
END
ok as alice mkdir -m 700 shared
ok as carol mkdir shared
ok python3 /tmp/idmap.py
ok as carol touch shared/hers
ok stat -c %U /home/alice/shared/hers
says_exactly alice
ok umount /home/carol/shared

promise="the network is the machine's own, and both firewalls work"
ok nft add table inet e2e
ok nft list tables
says "table inet e2e"
ok nft delete table inet e2e
ok iptables -A OUTPUT -m owner --uid-owner 1002 -j REJECT
ok iptables -D OUTPUT -m owner --uid-owner 1002 -j REJECT
ok ip6tables -S
ok ip -o addr show dev lo
says 127.0.0.1

promise="D-Bus answers"
ok busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager Version
ok as alice busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager NCurrentSessions

promise="limits bind, and a unit's cgroups are the machine's own"
ok systemd-run --quiet --wait --pipe --collect -p MemoryMax=64M -p MemorySwapMax=0 -p OOMPolicy=continue \
	sh -c 'python3 -c "x = bytearray(200 << 20)"; echo $?'
says_exactly 137
ok systemd-run --quiet --wait --pipe --collect -p CPUQuota=20% -p TasksMax=50 -p MemoryMax=64M sh -c \
	'cat /proc/self/cgroup; g=/sys/fs/cgroup; u=$(sed -n "s/^\(.*:pids\|0:\):\(.*\)/\2/p" /proc/self/cgroup | head -n 1)
	cat $g$u/pids.max $g/pids$u/pids.max 2>/dev/null; cat $g$u/cpu.max $g/cpu/system.slice/*/cpu.cfs_quota_us 2>/dev/null; true'
says :/system.slice/run-
says 50
says 20000

promise="/etc, accounts and homes can be compared"
snapshot
unchanged
useradd --uid 1500 dora
setfacl -m u:1500:r /usr/local/bin
(unchanged before) 2>"$e2e/seen" && fail "a new user should have been seen"
grep -q '^> passwd: dora' "$e2e/seen" || fail "a new user should be named: $(cat "$e2e/seen")"
grep -q '^> .* /usr/local/bin .*posix_acl' "$e2e/seen" || fail "a new ACL should be named: $(cat "$e2e/seen")"
userdel dora
setfacl -b /usr/local/bin
unchanged before
