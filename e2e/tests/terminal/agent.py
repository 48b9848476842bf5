# SPDX-License-Identifier: GPL-3.0-or-later
# The first-run screens of an agent program: drawn, redrawn after a resize, led by keys, left by Ctrl-C; and killed.
import json
import signal

from window import *

FIRST = "Choose the text style that looks best with your terminal"
# A provider of models that needs no account: the program then asks nobody on the network whether it may start.
START = "au run -e TERM -e LANG -e CLAUDE_CODE_USE_BEDROCK=1 claude"


def settings():
    tty = tmux("display-message", "-p", "#{pane_tty}").strip()
    return subprocess.run(["stty", "-a", "-F", tty], capture_output=True, text=True, check=True).stdout


def cursor():
    return tmux("display-message", "-p", "#{cursor_flag}").strip()


def begins():
    line(START)
    shows(r"Welcome to Claude Code", FIRST, r"^ ❯ 1\. Dark mode", r"^   2\. Light mode", within=120)
    want("-icanon" in settings() and "-echo" in settings(), f"the terminal should be raw while the program runs:\n{settings()}")
    same(cursor(), "0", "the cursor while the program runs")


def leaves():
    keys("C-c")
    shows("Press Ctrl-C again to exit")
    keys("C-c")
    gone()
    shows(r"ready>$")
    line("clear; echo before ever''ything")


def frame(columns):
    """The frame around the preview reaches from the second column to the last but one."""
    return rf"^ ╭─{{{columns - 4}}}╮$"


opens()
begins()
shows(frame(80))
keys("Down")
shows(r"^   1\. Dark mode", r"^ ❯ 2\. Light mode")
for columns, rows in (120, 40), (60, 30), (100, 35):
    tmux("resize-window", "-x", str(columns), "-y", str(rows))
    shows(frame(columns), FIRST, r"^ ❯ 2\. Light mode")
keys("Down")
shows(r"^ ❯ 3\. Dark mode")
keys("Up")
shows(r"^ ❯ 2\. Light mode")
keys("Enter")
shows("Security notes:", "Press Enter to continue")
want(FIRST not in shown().split("Security notes:")[1], f"the first screen should be gone:\n{shown()}")
with open("/home/agent/.claude.json") as f:
    same(json.load(f)["theme"], "light", "the theme that was chosen")
leaves()
restored("the agent's program")

# Ctrl-Z, and on.
begins()
keys("C-z")
shows(r"Stopped +au run")
line("clear; stty -a >settings.after; cmp settings settings.after && echo as be''fore")
shows("^as before$")
line("fg")
keys("Down")
shows(r"^ ❯ \d\. Light mode")
leaves()
restored("a stopped one")

# Killed by somebody, it cannot show the cursor again: au does, and restores the settings.
begins()
subprocess.run(["pkill", "-9", "-u", "agent", "-x", "claude|node"], check=True)
shows(r"ready>$")
gone()
line("clear; echo before ever''ything")
restored("a killed one")

# au itself, killed: the run ends with it. The settings come back with the shell's prompt, the cursor with tput cnorm.
begins()
for pid in processes("alice", "^au run"):
    os.kill(int(pid), signal.SIGKILL)
gone()
shows(r"ready>$")
same(cursor(), "0", "the cursor after a kill -9 of au")
line("clear; stty -a >settings.after; cmp settings settings.after && echo as be''fore")
shows("^as before$")
line("tput cnorm; clear; echo before ever''ything")
restored("a killed au")
tmux("kill-server")
