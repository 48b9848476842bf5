# SPDX-License-Identifier: GPL-3.0-or-later
"""A human who sits at a terminal: types, looks at the screen, resizes the window, hangs up.

    alice = Human()                          at an interactive bash in a fresh login session, 24 rows of 80
    alice.types("ls\\n", keys.CTRL_C)         as from a keyboard
    alice.sees(r"total (\\d+)")               waits until something new on the screen matches; returns the first group
    alice.does("ls", r"total (\\d+)")         types a line, waits for its echo, and then for what it shows
    alice.finishes("ls", r"total (\\d+)")     the same, and waits for the prompt
    alice.settings()                         the terminal's settings, as stty -g has them
    alice.resizes(rows, columns), alice.hangs_up()

The first thing that does not hold ends the story with a sentence and the screen. Stories run as root, and look at
/proc when they want to know what the agent has.
"""
import fcntl
import os
import pty
import pwd
import re
import select
import struct
import sys
import termios
import threading
import time

READY = "ready> "
PATIENCE = 30  # seconds: two machines share a small host
CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH, ESC = "\x03", "\x04", "\x1a", "\x1c", "\x1b"
BASH = "exec bash --norc --noprofile --noediting -i"


class Human:
    def __init__(self, name="alice", shell=BASH):
        self.screen, self.read, self.lock = b"", 0, threading.Lock()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("runuser", ["runuser", "-l", name, "--session-command", f"export PS1='{READY}' HISTFILE=; {shell}"])
        self.resizes(24, 80)
        self.eyes = threading.Thread(target=self._looks, daemon=True)
        self.eyes.start()
        self.sees(READY)
        self.tty = self.finishes("tty", r"(/dev/pts/\d+)")

    def _looks(self):
        terminal = self.fd
        while self.fd >= 0:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                fresh = os.read(terminal, 65536)
            except OSError:
                return
            with self.lock:
                self.screen += fresh

    def types(self, *keys):
        for key in keys:
            os.write(self.fd, key.encode())

    def sees(self, pattern, within=PATIENCE):
        end = time.monotonic() + within
        while True:
            with self.lock:
                fresh = self.screen[self.read:]
            found = re.search(pattern.encode(), fresh)
            if found:
                self.read += found.end()
                return found.group(found.lastindex or 0).decode()
            if time.monotonic() > end:
                fail(f"{pattern!r} should be on the screen by now, but there is\n{fresh.decode(errors='replace')[-1500:]!r}", self)
            time.sleep(0.01)

    def does(self, line, pattern=""):
        self.types(line + "\n")
        self.sees(re.escape(line) + "\r\n")
        return self.sees(pattern)

    def finishes(self, line, pattern=""):
        found = self.does(line, pattern)
        self.sees(READY)
        return found

    def text(self):
        with self.lock:
            return self.screen.decode(errors="replace")

    def settings(self):
        return termios.tcgetattr(self.fd)

    def is_raw(self):
        return not self.settings()[3] & termios.ICANON

    def resizes(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hangs_up(self):
        terminal, self.fd = self.fd, -1
        self.eyes.join()
        os.close(terminal)

    def leaves(self):
        self.types("exit\n")
        os.waitpid(self.pid, 0)


def fail(text, human=None):
    print(f"FAILED: {text}", file=sys.stderr)
    if human:
        print(f"  the screen: {human.text()[-1500:]!r}", file=sys.stderr)
    for pid in processes("alice") + processes("agent"):
        print(f"  {pid} {status(pid, 'State')} uid {status(pid, 'Uid').split()[0]}: {command(pid)}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)


def want(true, text, human=None):
    true or fail(text, human)


def same(got, wanted, what, human=None):
    got == wanted or fail(f"{what}: {got!r}, want {wanted!r}", human)


def soon(true, text, human=None, between=0.02):
    end = time.monotonic() + PATIENCE
    while not true():
        time.monotonic() < end or fail(text, human)
        time.sleep(between)


# The processes that run: as root sees it.

def processes(user=None, named=None):
    """Their pids, zombies not counted. named is a pattern for the command line."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if not entry.isdigit() or status(entry, "State").startswith("Z") or command(entry) == "":
                continue
            if user and int(status(entry, "Uid").split()[0]) != pwd.getpwnam(user).pw_uid:
                continue
            if named and not re.search(named, command(entry)):
                continue
        except OSError:
            continue
        found.append(int(entry))
    return sorted(found)


def status(pid, field):
    try:
        with open(f"/proc/{pid}/status") as f:
            return re.search(rf"^{field}:\s*(.*)$", f.read(), re.M).group(1)
    except (OSError, AttributeError):
        return "-1 gone"


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent(pid):
    return int(status(pid, "PPid").split()[0])


def au_of(pid):
    """The au that a process of a run belongs to: command, guard, waiter, au."""
    while pid > 1 and not re.match(r"(\S*/)?au (run|shell)", command(pid)):
        pid = parent(pid)
    pid > 1 or fail("no au stands above the run")
    return pid


def terminals(pid):
    """The character devices that a process has open, other than /dev/null and the like."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            st = os.stat(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if os.major(st.st_rdev) == 5 or 136 <= os.major(st.st_rdev) <= 143:
            found.add(st.st_rdev)
    return found


def gone(what="agent"):
    soon(lambda: not processes("agent"), f"nothing of {what}'s should be left")
