# SPDX-License-Identifier: GPL-3.0-or-later
# Keys while au looks through the share of a run that has ended.
import time

from human import *

alice = Human()
before = alice.settings()


def looking():
    soon(lambda: processes("alice", r"/au(-complete)? look "), "au should look through the share", alice)


for key in CTRL_C, CTRL_BACKSLASH:
    alice.types("au run sh -c 'exit 3'; echo \"status $?.\"\n")
    looking()
    typed = time.monotonic()
    alice.types(key)
    alice.sees(r"not all of /home/alice/proj was looked at")
    same(alice.sees(r"status (\d+)\."), "3", f"status after {key!r}", alice)
    want(time.monotonic() - typed < 5, f"the terminal is the human's only after {time.monotonic() - typed} s", alice)
    alice.sees(READY)
    same(alice.settings(), before, f"the terminal's settings after {key!r}", alice)

alice.types("au run sh -c 'exit 3'; echo \"status $?.\"\n")
looking()
alice.types(CTRL_Z)
alice.sees(r"Stopped[^\n]*au run")
alice.sees(READY)
same(alice.settings(), before, "the terminal's settings after Ctrl-Z", alice)
alice.types("fg; echo \"status $?.\"\n")
same(alice.sees(r"status (\d+)\."), "3", "status after fg", alice)
alice.sees(READY)
