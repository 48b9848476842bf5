# SPDX-License-Identifier: GPL-3.0-or-later
# Keys while au looks through the share of a run that has ended.
import random
import sys
import time

from human import *

ROUNDS = int(os.environ.get("ROUNDS", "2"))
LOOKS = sys.argv[1]  # "after" or "look": the command of the program that looks

alice = Human()
before = alice.settings()


def looking():
    soon(lambda: processes("alice", rf"/au(-complete)? {LOOKS} "), "au should look through the share", alice)


for key in CTRL_C, CTRL_BACKSLASH:
    alice.types("au run sh -c 'touch proj; exit 3'; echo \"status $?.\"\n")
    looking()
    typed = time.monotonic()
    alice.types(key)
    alice.sees(r"not all of /home/alice/proj was looked at")
    same(alice.sees(r"status (\d+)\."), "3", f"status after {key!r}", alice)
    want(time.monotonic() - typed < 5, f"the terminal is the human's only after {time.monotonic() - typed} s", alice)
    alice.sees(READY)
    same(alice.settings(), before, f"the terminal's settings after {key!r}", alice)

alice.types("au run sh -c 'touch proj; exit 3'; echo \"status $?.\"\n")
looking()
alice.types(CTRL_Z)
alice.sees(r"Stopped[^\n]*au run")
alice.sees(READY)
same(alice.settings(), before, "the terminal's settings after Ctrl-Z", alice)
alice.types("fg; echo \"status $?.\"\n")
same(alice.sees(r"status (\d+)\."), "3", "status after fg", alice)
alice.sees(READY)


# In the first moments after the command the program that looks only begins, or is not there yet.

def ended():
    """Returns once the command of a run has ended, and pid 1 of the run with it."""
    soon(lambda: processes("agent", r"^sh -c"), "the command should run", alice)
    soon(lambda: not processes("agent"), "the command should end", alice, 0)


for n in range(ROUNDS):
    for streams in "", " </dev/null >said 2>&1":  # with a terminal of the run's own, and without one
        for key in CTRL_C, CTRL_BACKSLASH, CTRL_Z:
            alice.types(f"au run sh -c 'sleep 0.2; touch proj; exit 3'{streams}; echo \"status $?.\"\n")
            ended()
            time.sleep(random.choice((0, random.uniform(0, 0.05))))
            typed = time.monotonic()
            alice.types(*[key] * (1 if key == CTRL_Z else random.randint(1, 3)))
            if key == CTRL_Z:
                alice.sees(r"Stopped[^\n]*au run")
                alice.sees(READY)
                alice.types("fg; echo \"status $?.\"\n")
            same(alice.sees(r"status (\d+)\."), "3", f"status after an early {key!r}{streams}, round {n}", alice)
            want(time.monotonic() - typed < 9, f"the terminal is the human's only after {time.monotonic() - typed} s", alice)
            alice.sees(READY)
            alice.finishes("cat said 2>&1; rm -f said")
            want("goroutine" not in alice.text(), f"an early {key!r}{streams} should end the look", alice)
            same(alice.settings(), before, f"the terminal's settings after an early {key!r}{streams}", alice)
