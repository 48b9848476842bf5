# SPDX-License-Identifier: GPL-3.0-or-later
# The same session twice, with sudo's use_pty and with au: what the human sees of job control is the same.
import os
import signal

from human import *


def session(run):
    """What is seen, in order, of a session in which run stands before the commands."""
    seen = {}
    alice = Human()
    before = alice.settings()

    def note(what, found=None):
        seen[what] = (found, "settings as before" if alice.settings() == before else "other settings")

    def begins(line):
        alice.types(line + "\n")
        alice.sees("begun\r+\n")
        time.sleep(0.5)  # sudo takes the terminal when it likes

    begins(f"{run} sh -c 'echo be''gun; exec cat'")
    alice.types(CTRL_Z)
    note("Ctrl-Z", alice.sees(r"(Stopped)[^\n]*sh -c"))
    alice.sees(READY)
    note("Ctrl-Z, the prompt")
    alice.does("fg", "sh -c")
    alice.types("again\n")
    note("fg", alice.sees("again\r\n(again)"))
    alice.types(CTRL_D)
    alice.sees(READY)
    note("fg, the end")

    note("output in the background", alice.finishes(f"{run} sh -c 'echo out''put' & wait", r"(output)"))
    alice.finishes(f"{run} cat &", r"\[1\]")
    soon(lambda: alice.finishes("jobs", r"(Stopped|Running)") == "Stopped", "a read in the background should stop it", alice)
    note("input in the background")
    note("kill of a stopped job", alice.finishes('kill %1; fg; echo "status $?."', r"status (\d+)\."))

    alice.types(f"{run} seq 1000 | less\n")
    alice.sees("23\r\n(?s:.*):")
    alice.types("G")
    note("less", alice.sees("1000\r\n(?s:.*)(END)"))
    alice.types("q")
    alice.sees(READY)
    note("less, the end")
    begins(f"sleep 1000 | {run} sh -c 'trap \"\" PIPE; echo be''gun >&2; cat; kill -INT $$' | cat")
    note("a pipeline without keys", alice.is_raw())
    alice.types(CTRL_C)
    alice.sees(READY)
    note("Ctrl-C in a pipeline", alice.finishes('echo "status ${PIPESTATUS[*]}."', r"status ([\d ]+)\."))

    begins(f"{run} sh -c 'echo be''gun; exec sleep 1000'")
    top = processes("agent", "^sleep 1000")[0]
    while not command(parent(top)).startswith("bash"):
        top = parent(top)
    os.kill(top, signal.SIGKILL)
    alice.sees(READY)
    gone()
    note("kill -9", alice.finishes('echo "status $?."', r"status (\d+)\."))

    begins(f"{run} sh -c 'echo be''gun; exec sleep 1000'")
    alice.hangs_up()
    gone()
    return seen


sudo, au = session("sudo -u agent"), session("au run")
for what, found in sudo.items():
    print(f"{what}: {found}")
    same(au[what], found, what)
