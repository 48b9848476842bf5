# SPDX-License-Identifier: GPL-3.0-or-later
"""Root has au act for bob at a terminal. Each of bob's processes that anybody but root may trace (proc(5): it is then its user's)
must have no terminal: neither as the one that controls it, nor open."""

import fcntl
import os
import pty
import pwd
import re
import select
import signal
import sys
import time

BOB = pwd.getpwnam("bob")


def theirs():
    """Yields the processes that bob can trace and root's shell has started."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/stat").st_uid == BOB.pw_uid:
                yield pid, open(f"/proc/{pid}/cmdline").read().split("\0")
        except OSError:
            pass


def terminals(pid):
    """Returns what a process has of a terminal."""
    found = []
    try:
        tty = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[4]
        found += [f"controlled by {tty}"] if tty != "0" else []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/dev/pts"):
                found.append(f"descriptor {fd}")
    except OSError:
        pass
    return found


class Shell:
    """Is a shell of root's on a terminal."""

    def __init__(self):
        self.text = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.pop("SUDO_USER", None)
            os.environ["PS1"] = "READY> "
            os.execvp("bash", ["bash", "--norc", "--noediting", "-i"])
        self.until("READY> ")

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            self.text += os.read(self.fd, 65536).decode(errors="replace")

    def until(self, pattern, seconds=40, look=lambda: None):
        """Reads up to what the pattern matches, and looks meanwhile."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            if time.monotonic() > end:
                sys.exit(f"no {pattern!r} in {self.text!r}")
            look()
            self.read(0.02)
        before, self.text = self.text[: found.end()], self.text[found.end() :]
        return before

    def type(self, text):
        os.write(self.fd, text.encode())


seen = []


def look():
    for pid, words in theirs():
        if has := terminals(pid):
            sys.exit(f"bob can trace {words}, which has a terminal: {has}")
        seen.extend(w for w in words if w in ("record", "draft"))


def lock():
    """Holds the lock of bob's config, so that who writes it waits."""
    os.makedirs(f"{BOB.pw_dir}/.config", 0o700, exist_ok=True)
    os.chown(f"{BOB.pw_dir}/.config", BOB.pw_uid, BOB.pw_gid)
    name = f"{BOB.pw_dir}/.config/agent-as-unix-user.toml.lock"
    fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    os.fchown(fd, BOB.pw_uid, BOB.pw_gid)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def waiting(name):
    """Reports whether a process of that command is there."""
    return any(name in words for _, words in theirs())


shell = Shell()
os.makedirs(f"{BOB.pw_dir}/shared", exist_ok=True)
os.chown(f"{BOB.pw_dir}/shared", BOB.pw_uid, BOB.pw_gid)
os.chmod(BOB.pw_dir, 0o750)

# A change of bob's config, which bob holds up: Ctrl-C ends it, and the agent is not left half made.
held = lock()
shell.type("au --human bob new -y -a bobs\n")
end = time.monotonic() + 40
while "record" not in seen:
    look()
    shell.read(0.02)
    if time.monotonic() > end:
        sys.exit(f"nobody writes the config: {shell.text!r}")
time.sleep(0.5)
shell.type("\x03")
shell.until(r"told to end by a signal[\s\S]*READY> ", look=look)
if waiting("record"):
    sys.exit("who writes the config goes on")
if os.path.exists("/etc/au/agents/bobs"):
    sys.exit("the agent is left")
os.close(held)
shell.type("au --human bob new -y -a bobs\n")
shell.until(r"Created agent bobs[\s\S]*READY> ", look=look)

shell.type("au --human bob mount add -a bobs --rw ~bob/shared\n")
shell.until(r"Shared: agent bobs[\s\S]*READY> ", look=look)

# A run: its keys work. No process of bob's reports after it.
shell.type("cd ~bob/shared && au --human bob run -a bobs sh -c 'echo \"echo x\" >.envrc; mkdir -p .git/hooks; echo a >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; tty; sleep 99'\n")
shell.until("/dev/pts/", look=look)
shell.type("\x03")
shell.until("READY> ", look=look)
shell.type("echo \"$?=status\"\n")
shell.until("130=status", look=look)

# Drafts that a process of bob's lists, and one that is shown without bob's pager.
shell.until("READY> ", look=look)
shell.type("au --human bob list; au --human bob run -a bobs --draft . sh -c 'seq 300 >many'\n")
shell.until("READY> ", look=look)
shell.type("au --human bob draft diff\n")
shell.until(r"\+300[\s\S]*READY> ", look=look)
shell.type("au --human bob draft diff --tool cat\n")
shell.until(r"--tool: the program would[\s\S]*READY> ", look=look)

# Where au has become bob and asks, Ctrl-C and the answer still reach it.
for answer, then in ("\x03", "READY> "), ("y\n", r"Dropped[\s\S]*READY> "):
    shell.type("au --human bob draft drop\n")
    shell.until(r"\[y/N\]: ", look=look)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline").read().split("\0")
        except OSError:
            continue
        if "drop" in words and terminals(pid)[0].startswith("controlled"):
            sys.exit("au itself has a terminal that it would pass on")
    seen.append("drop")
    shell.type(answer)
    shell.until(then, look=look)
print("au: seen", ", ".join(w for w in ("record", "draft", "drop") if w in seen))
