# SPDX-License-Identifier: GPL-3.0-or-later
"""A window of alice's in tmux, 80 by 24, with an interactive bash in it; what is on its screen, and whether it is as it was.

    opens()                    the window, and "before everything" on its first line
    shows(r"text", …)          waits until all of these are on the screen
    keys("Up"), line("ls")     one key by its name; a line and Enter
    restored("vim")            no other screen, no hidden cursor, no mode and no setting is left of what ran in it
"""
import subprocess

from human import *


def tmux(*words):
    done = subprocess.run(["runuser", "-u", "alice", "--", "tmux", "-L", "test", "-f", "/dev/null", *words], capture_output=True, text=True)
    done.returncode == 0 or fail(f"tmux {words}: {done.stderr}")
    return done.stdout


def shown():
    return tmux("capture-pane", "-p")


def shows(*texts, within=PATIENCE):
    def all_there():
        now = shown()
        return all(re.search(t, now, re.M) for t in texts)
    end = time.monotonic() + within
    while not all_there():
        time.monotonic() < end or fail(f"{texts} should be on the screen:\n{shown()}")
        time.sleep(0.05)


def keys(*words):
    tmux("send-keys", *words)


def line(text):
    keys("-l", text)
    keys("Enter")


def bottom():
    """The last row of the screen that has something on it, and how many rows there are."""
    rows = shown().split("\n")[:-1]
    return [r for r in rows if r.strip()][-1], len(rows)


def restored(what):
    shows(r"^before everything$", r"^ready>$")
    same(tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag} #{mouse_any_flag}").strip(), "0 1 0 0", f"modes after {what}")
    line("stty -a >settings.after; cmp settings settings.after && echo as be''fore")
    shows("^as before$")
    line("clear; echo before ever''ything")
    shows(r"\Abefore everything\n")


def opens():
    tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", "/home/alice", "env", "PS1=ready> ", "HISTFILE=", "LANG=C.UTF-8", "bash", "--norc", "--noprofile", "-i")
    shows(r"ready>")
    line("stty -a | grep -v rows >settings; alias stty='stty'; clear; echo before ever''ything")
    shows(r"\Abefore everything\n")
    line("stty() { command stty \"$@\" | grep -v rows; }; clear; echo before ever''ything")
    shows(r"\Abefore everything\n")
