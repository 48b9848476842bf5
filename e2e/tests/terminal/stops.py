# SPDX-License-Identifier: GPL-3.0-or-later
# Ctrl-Z in the very moment in which a continued run has the keys again.
from human import *

ROUNDS = int(os.environ.get("ROUNDS", "100"))


def cycles(what, line, says):
    alice = Human()
    before = alice.settings()
    alice.types(line + "\n")
    alice.sees(says)
    soon(alice.is_raw, "the run should have the keys", alice)
    for _ in range(ROUNDS):
        alice.types(CTRL_Z)
        alice.sees(r"Stopped[^\n]*au run")
        alice.sees(READY)
        alice.types("fg\n")
        while not alice.is_raw():
            pass
    print(f"{what}: {ROUNDS} stops, none lost")
    alice.types(CTRL_C)
    alice.sees(READY)
    gone()
    same(alice.settings(), before, "settings after it all", alice)
    alice.leaves()


cycles("one process", "au run sh -c 'echo be''gun; exec sleep 1000'", "begun\r\n")
cycles("a group of them", "au run sh -c 'echo be''gun; sleep 1000 | sleep 1000 | sleep 1000'", "begun\r\n")
