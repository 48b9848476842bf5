# SPDX-License-Identifier: GPL-3.0-or-later
# Keys, sizes and job control through the terminal of a run.
import os

from human import *

alice = Human()
before = alice.settings()


def settled(after):
    same(alice.settings(), before, f"the terminal's settings after {after}", alice)


# A terminal of its own.
theirs = alice.finishes("au run sh -c 'test -t 0 && test -t 1 && test -t 2 && tty'", r"(/dev/pts/\d+)\r\n")
want(theirs != alice.tty, f"the run has the human's own terminal, {theirs}", alice)
alice.finishes("au run ps -o tty= -C ps", theirs.removeprefix("/dev/") + r"\s")
alice.finishes("au run sh -c 'echo by na''me >/dev/tty'", "by name")
alice.finishes(f"au run sh -c 'cat <{alice.tty} || echo x >{alice.tty}'; echo \"status $?.\"", r"(No such file|ermission denied)(?s:.*)ermission denied(?s:.*)status 2\.")
settled("short runs")

# The human's is open in none of the agent's processes, nor does one of them control it.
alice.types("au run sh -c 'setsid sleep 1000 & sh -c \"echo be''gun; exec sleep 1000\"; true'\n")
alice.sees("begun")
mine = os.stat(alice.tty).st_rdev
theirs = [p for p in processes("agent") if "sleep" in command(p) or "su_as_agent" in command(p)]
want(len(theirs) >= 4, f"guard, shell and two sleeps are wanted, not {[command(p) for p in theirs]}", alice)
for pid in theirs:
    want(mine not in terminals(pid), f"{command(pid)} has the human's terminal open", alice)
    with open(f"/proc/{pid}/stat") as f:
        want(int(f.read().rpartition(")")[2].split()[4]) != mine, f"{command(pid)} is controlled by the human's terminal", alice)
want(any(terminals(p) for p in theirs), "the look at open terminals sees nothing at all", alice)
alice.types(CTRL_C)
alice.sees(READY)
gone()
settled("Ctrl-C")

# Ctrl-C and Ctrl-\ end the command, and the shell goes on.
for key, status_wanted in (CTRL_C, "130"), (CTRL_BACKSLASH, "131"):
    alice.types("au run sh -c 'echo be''gun; exec sleep 1000'; echo \"status $?.\"\n")
    alice.sees("begun")
    alice.types(key)
    same(alice.sees(r"status (\d+)\."), status_wanted, f"status after {key!r}", alice)
    alice.sees(READY)
    settled(repr(key))
gone()
alice.types("au run sleep 1000\n")
soon(lambda: processes("agent", "^sleep 1000"), "sleep should run", alice)
alice.types(CTRL_C)
alice.sees(READY)
alice.finishes('echo "status $?."', r"status 130\.")

# Ctrl-C is the program's own where it wants it.
alice.types("au run bash -c 'trap \"echo cau''ght\" INT; echo be''gun; read x; echo \"got $x.\"'\n")
alice.sees("begun")
alice.types(CTRL_C)
alice.sees("caught")
alice.types("on\n")
alice.sees(r"got on\.")
alice.sees(READY)

# The size, and its changes.
alice.types("au run bash -c 'stty size; trap \"stty size\" WINCH; echo be''gun; while :; do sleep 0.05; done'\n")
alice.sees(r"24 80\s+begun")
for rows, columns in (33, 99), (50, 200), (24, 80):
    alice.resizes(rows, columns)
    alice.sees(f"{rows} {columns}")
alice.types(CTRL_C)
alice.sees(READY)

# Ctrl-Z, jobs, fg: five times, with other sizes meanwhile.
alice.types("au run sh -c 'echo be''gun; exec cat'\n")
alice.sees("begun")
for i in range(5):
    alice.types(CTRL_Z)
    alice.sees(r"Stopped[^\n]*au run")
    alice.sees(READY)
    settled("Ctrl-Z")
    alice.finishes("jobs", r"\[1\]\+\s+Stopped\s+au run")
    for pid in processes("agent", "^cat"):
        want(status(pid, "State").startswith("T"), f"{command(pid)} should be stopped, too", alice)
    alice.does("fg", "au run")
    soon(alice.is_raw, "after fg the keys are the run's", alice)
    alice.types(f"again{i}\n")
    alice.sees(rf"again{i}\r\nagain{i}\r\n")
alice.types(CTRL_D)
alice.sees(READY)
alice.finishes('echo "status $?."', r"status 0\.")
alice.finishes("jobs | wc -l", r"^0\r")
settled("five times Ctrl-Z")

# Ctrl-Z, then bg: it goes on without the keys, until it wants them.
alice.types("au run bash -c 'echo be''gun; until rm go; do sleep 0.1; done 2>/dev/null; read x; echo \"got $x.\"'\n")
alice.sees("begun")
alice.types(CTRL_Z)
alice.sees("Stopped")
alice.sees(READY)
alice.finishes("bg", "au run")
alice.finishes("echo mi''ne", "mine")
alice.finishes("jobs -r", "Running")
settled("bg")
open("/home/agent/go", "w").close()
soon(lambda: "Stopped" in (alice.finishes("jobs", r"(Stopped|Running)")), "reading in the background stops a run", alice)
alice.finishes("echo mi''ne", "mine")
alice.does("fg", "au run")
alice.types("late\n")
alice.sees(r"got late\.")
alice.sees(READY)
settled("bg and fg")

# A program that has changed the settings of its terminal.
alice.finishes("au run sh -c 'stty raw -echo; exit 3'; echo \"status $?.\"", r"status 3\.")
settled("a program that leaves its own terminal raw")

# Job control in the agent's own shell.
alice.types("au shell\n")
alice.sees(r"agent@")
alice.types("PS1='in''side> '\n")
alice.sees("inside> ")
alice.types("sleep 1000 &\n")
alice.sees("inside> ")
alice.types("jobs\n")
alice.sees(r"\[1\]\+?\s+Running\s+sleep 1000")
alice.types("fg\n")
alice.sees("fg\r\n(?s:.*)sleep 1000\r\n")


def in_front(pid):
    """Is it in its terminal's foreground?"""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return fields[2] == fields[5]


soon(lambda: any(map(in_front, processes("agent", "^sleep 1000"))), "fg should bring sleep to the front", alice)
alice.types(CTRL_Z)
alice.sees(r"\[1\]\+\s+Stopped\s+sleep 1000")
alice.sees("inside> ")
want(alice.is_raw(), "Ctrl-Z inside should stop sleep and not au", alice)
alice.types("bg\n")
alice.sees(r"\[1\]\+ sleep 1000 &")
alice.types("kill %1; wait; sleep 1000\n")
soon(lambda: any(map(in_front, processes("agent", "^sleep 1000"))), "sleep should run", alice)
alice.types(CTRL_C)
alice.sees("inside> ")
alice.types("echo \"status $?.\"\n")
alice.sees(r"status 130\.")
alice.sees("inside> ")
# The agent's shell stops itself, and with it au.
alice.types("suspend -f\n")
alice.sees(r"Stopped[^\n]*au shell")
alice.sees(READY)
settled("suspend")
alice.does("fg", "au shell")
alice.types("\n")
alice.sees("inside> ")
alice.types("exit 7\n")
alice.sees(READY)
alice.finishes('echo "status $?."', r"status 7\.")
settled("au shell")
gone()
alice.leaves()
