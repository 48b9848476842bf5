# SPDX-License-Identifier: GPL-3.0-or-later
# Full-screen programs in tmux: what is on the screen, after a resize, and after the program.
import subprocess

from window import *

PROGRAM = r"""
import curses, signal
def draw(s):
    while True:
        rows, columns = s.getmaxyx()
        s.erase(); s.border()
        s.addstr(1, 2, 'size %d %d' % (rows, columns))
        s.addstr(rows - 2, 2, 'corner äöü ✓')
        s.refresh()
        key = s.getch()
        if key == ord('q'): return
        if key == curses.KEY_UP: s.addstr(3, 2, 'up'); s.refresh(); curses.napms(300)
curses.wrapper(draw)
"""
with open("/home/agent/screen.py", "w") as f:
    f.write(PROGRAM)
with open("/home/agent/poem", "w") as f:
    f.write("".join(f"line {i}\n" for i in range(1, 200)))

opens()

# An editor.
line("au run vim.tiny -n poem")
shows(r"\Aline 1\n", r"^line 23$", r"\"poem\".* 199L")
tmux("resize-window", "-x", "100", "-y", "40")
shows(r"\Aline 1\n", r"^line 39$")
same(bottom()[1], 40, "rows of the screen")
keys("G", "o")
keys("-l", "written by a human")
keys("Escape")
shows(r"^written by a human$")
keys("C-z")
shows(r"^\[1\]\+  Stopped +au run vim.tiny -n poem$", r"ready>$")
tmux("resize-window", "-x", "80", "-y", "24")
line("fg")
shows(r"^line 199\nwritten by a human$")
same(bottom()[1], 24, "rows of the screen")
line(":wq")
shows(r"^ready>$")
want("written by a human" in open("/home/agent/poem").read(), "the editor should have written")
line("clear; echo before ever''ything")
restored("vim")

# The same with a pipe for an input: the keys come from the terminal all the same.
line("seq 100 200 | au run vim.tiny -")
shows(r"\A100\n101\n", r"^122$")
keys("G", "o")
keys("-l", "one")
keys("Enter")
keys("-l", "two")
keys("Escape", "5", "k", "3", "j")
shows(r"^199\n200\none\ntwo$")
line(":q!")
restored("vim in a pipeline")

# Processes, live.
line("au run htop")
shows(r"PID.*USER.*(CPU%|Command)", r"F1Help.*F10Quit", "htop")
want("systemd" not in shown(), "htop should see the agent's own processes alone")
tmux("resize-window", "-x", "120", "-y", "30")
shows(r"F1Help.*F10Quit")
soon(lambda: bottom() [1] == 30 and "F10Quit" in shown().split("\n")[29], "htop should fill the new screen")
keys("q")
# Debian 12's tmux leaves bits of such a screen beside what was there before, with au as without.
shows(r"before everything$", r"^ready>$")
line("clear; echo before ever''ything")
restored("htop")
tmux("resize-window", "-x", "80", "-y", "24")

# A program that draws by itself, with other letters, cursor keys, and the mouse off.
line("au run -e TERM -e LANG python3 screen.py")
shows(r"size 24 80", "corner äöü ✓")
for columns, rows in (132, 50), (60, 15), (80, 24):
    tmux("resize-window", "-x", str(columns), "-y", str(rows))
    shows(rf"size {rows} {columns}", "corner äöü ✓")
    want(shown().rstrip("\n").split("\n")[rows - 1].strip().endswith(("┘", "x", "j", "+")), f"the frame should end in the corner:\n{shown()}")
keys("Up")
shows("up")
keys("q")
restored("curses")

# A killed program cannot leave its other screen: au does.
line("au run vim.tiny -n poem")
shows(r"^line 23$")
subprocess.run(["pkill", "-9", "-u", "agent", "vim.tiny"], check=True)
restored("a killed vim")

# A window that is closed ends the run.
line("au run sh -c 'trap \"\" HUP; sleep 1000; sleep 1000'")
soon(lambda: processes("agent", "^sleep 1000"), "sleep should run")
tmux("kill-server")
gone()
soon(lambda: not processes("alice", "^au run"), "au should end with its window")
