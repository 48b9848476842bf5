#!/bin/sh
# au top shows all agents: live on a terminal, once for scripts.
# machines: trixie
# machines by hand: bookworm
. /opt/e2e/lib.sh
ok as alice au new -y --mem 256M --cpu 150%
ok as alice au new -y -a second

promise="--once and --json print every agent and end"
# The busiest process has a name that would turn the terminal red, and is wide.
as alice au run -a second sh -c 'printf "\033[31m\344\270\226" >/proc/self/comm; while :; do :; done' >/dev/null 2>&1 &
soon pgrep -u second 31m
ok as alice au top --once
says "agent"
says "150%"
says "256M"
says "second"
ok as alice sh -c 'au top --json | jq -r ".[] | .agent, (.cpu_percent > 20), .processes > 0"'
says_exactly "agent
false
false
second
true
true"

promise="without a terminal there is no live table"
fails 1 as alice au top
complains "au top --once"

promise="the live table shows, follows the size of the terminal, and ends with q; the terminal is as it was"
cat >/tmp/top.py <<'END'
import fcntl, os, pty, select, signal, struct, termios, time
fresh = termios.tcgetattr(pty.openpty()[1])
def top():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("au", ["au", "top", "--interval", "200ms"])
    return pid, fd
def size(columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
def read(seconds):
    seen, end = b"", time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return seen
    return seen
pid, fd = top()
size(80)
first = read(2)
assert b"second" in first and b"MEMORY" in first, first
assert b"PRESSURE" not in first, "too wide for 80 columns"
size(160)
wide = read(2)
assert b"PRESSURE" in wide, wide
assert b" ?[31m? " in wide and b"\x1b[31m" not in wide and b"\xe4" not in wide, ("a name gets through", wide)
assert termios.tcgetattr(fd) != fresh, "keys are not raw"
os.write(fd, b"q")
last = read(3)
status = os.waitpid(pid, 0)[1]
assert status == 0, status
assert b"\x1b[?1049l" in last, ("left the other screen on", last)
assert termios.tcgetattr(fd) == fresh, "left the keys raw"
pid, fd = top()
read(2)
os.kill(pid, signal.SIGTERM)
last = read(3)
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status), status
assert b"\x1b[?1049l" in last and termios.tcgetattr(fd) == fresh, ("killed, it kept the terminal", last)
END
ok as alice python3 /tmp/top.py
promise="au run says nothing to the terminal before the command does"
ok at_terminal alice au run echo hello
# script(1), at the end of its input, types a character that the terminal echoes as ^@.
[ "$(output | tr -d '\r' | sed 's/^^@//')" = hello ] || fail "more than hello: $(output | od -c | head)"
ok as alice au stop -a second
wait
