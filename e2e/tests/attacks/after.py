# SPDX-License-Identifier: GPL-3.0-or-later
# after.py STORY ENTRYPOINT: types keys while the entrypoint runs a program after the command, as a shell's job on a terminal.
# Prints STORY when the keys did what they should.
import ctypes
import os
import pty
import select
import signal
import subprocess
import sys
import time

story, entrypoint = sys.argv[1:]
CTRL_C, CTRL_BACKSLASH, CTRL_Z = b"\x03", b"\x1c", b"\x1a"
PTRACE_SEIZE, WALL = 0x4206, 0x40000000
# Like a program in Go, it answers SIGINT once it has begun. A stuck one never does.
AFTER = """
import os, signal, sys, time
late, answers = sys.argv[1:]
time.sleep(float(late))
def hurry(*_):
    os.write(2, b"hurried ")
    os._exit(9)
if answers == "yes":
    signal.signal(signal.SIGINT, hurry)
os.write(2, b"looking ")
time.sleep(60)
"""


def enter(late, answers):
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    words = ["/usr/bin/python3", "-S", "-c", AFTER, str(late), answers]
    variables = {f"AU_AFTER_{n}": word for n, word in enumerate(words, 1)}
    command = "sleep 71 & echo begun; sleep 1; exit 3"
    os.execve(entrypoint, [entrypoint, "agent", "--", "sh", "-c", command], {"PATH": "/usr/bin:/bin", **variables})


class Job:
    """The entrypoint in the foreground of a terminal, with its output in a pipe."""

    def __init__(self, late=0, answers="yes"):
        self.seen = b""
        self.said, inside = os.pipe()
        self.shells, pids = os.pipe()
        self.shell, self.terminal = pty.fork()
        if self.shell == 0:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            job = os.fork()
            if job == 0:
                os.setpgid(0, 0)
                os.tcsetpgrp(0, os.getpgrp())
                signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                null = os.open("/dev/null", os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(inside, 1)
                os.dup2(inside, 2)
                os.closerange(3, 30)
                enter(late, answers)
            os.write(pids, b"%d " % job)
            while True:  # each change of it, as a shell sees it
                _, status = os.waitpid(job, os.WUNTRACED)
                if not os.WIFSTOPPED(status):
                    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
                os.write(pids, b"stopped ")
        os.close(inside)
        os.close(pids)
        self.pid = int(os.read(self.shells, 20))

    def sees(self, text):
        while text not in self.seen:
            if not select.select([self.said], [], [], 20)[0]:
                self.fail(f"{text!r} should be there by now")
            got = os.read(self.said, 4096)
            if not got:
                self.fail(f"it should have said {text!r}")
            self.seen += got

    def types(self, key):
        os.write(self.terminal, key)

    def is_stopped(self):
        if not select.select([self.shells], [], [], 20)[0] or b"stopped" not in os.read(self.shells, 20):
            self.fail("it should have stopped")

    def is_stopped_after(self):
        """The program that runs after the command is stopped, too, as soon as it has come to that."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            after = f.read().split()[0]
        end = time.monotonic() + 20
        while True:
            with open(f"/proc/{after}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "T":
                    return
            if time.monotonic() > end:
                self.fail("the program should be stopped with it")
            time.sleep(0.02)

    def holds(self):
        """Keeps the run from ending when its command does: a process of it stays, dead, until its tracer has looked. Returns its id."""
        end = time.monotonic() + 20
        while not (found := subprocess.run(["pgrep", "-n", "-f", "^sleep 71"], stdout=subprocess.PIPE).stdout):
            if time.monotonic() > end:
                self.fail("a process of the run should be there")
            time.sleep(0.02)
        held = int(found)
        if ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_SEIZE, held, None, None) != 0:
            self.fail("nothing could be held")
        return held

    def is_ending(self):
        """The guard has closed all that it had open, and has not ended."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            guard = f.read().split()[0]
        end = time.monotonic() + 20
        while os.listdir(f"/proc/{guard}/fd"):
            if time.monotonic() > end:
                self.fail("the run should be ending")
            time.sleep(0.02)

    def guard_stops(self):
        """Stops the guard while the command ends, and returns its id."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            guard = int(f.read().split()[0])
        os.kill(guard, signal.SIGSTOP)
        with open(f"/proc/{guard}/task/{guard}/children") as f:
            command = f.read().split()[0]
        end = time.monotonic() + 20
        while True:
            with open(f"/proc/{command}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    return guard
            if time.monotonic() > end:
                self.fail("the command should have ended")
            time.sleep(0.02)

    def ends(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pid, status = os.waitpid(self.shell, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        self.fail("it should have ended by now")

    def fail(self, text):
        print(f"{text}; it said {self.seen!r}", file=sys.stderr)
        os.kill(self.pid, signal.SIGKILL)
        os._exit(1)


def want(job, status, said):
    got = job.ends()
    job.seen += os.read(job.said, 4096)
    if got != status or (b"hurried" in job.seen) != said:
        job.fail(f"the status is {got}, want {status}")


if story == "hurries":
    for key in CTRL_C, CTRL_BACKSLASH:
        job = Job()
        job.sees(b"looking")
        job.types(key)
        want(job, 3, True)
elif story == "early":  # before the program can answer, which is told again
    job = Job(late=2)
    job.sees(b"begun")
    time.sleep(2)
    job.types(CTRL_C)
    want(job, 3, True)
elif story == "between":  # after the command's end, before the program is there
    job = Job()
    job.sees(b"begun")
    held = job.holds()
    job.is_ending()
    job.types(CTRL_C)
    time.sleep(0.5)
    os.waitpid(held, WALL)
    want(job, 3, True)
elif story == "unread":  # after the command's end, before the guard looks
    job = Job()
    job.sees(b"begun")
    guard = job.guard_stops()
    job.types(CTRL_C)
    time.sleep(0.5)
    os.kill(guard, signal.SIGCONT)
    want(job, 3, True)
elif story == "stops":
    job = Job()
    job.sees(b"looking")
    job.types(CTRL_Z)
    job.is_stopped()
    job.is_stopped_after()
    os.kill(-job.pid, signal.SIGCONT)
    job.types(CTRL_C)
    want(job, 3, True)
elif story == "stuck":
    job = Job(answers="no")
    job.sees(b"looking")
    job.types(CTRL_C)
    time.sleep(0.2)
    job.types(CTRL_C)
    want(job, 3, False)
print(story)
