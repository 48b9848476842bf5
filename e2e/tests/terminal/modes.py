# SPDX-License-Identifier: GPL-3.0-or-later
# A full-screen program is killed, in tmux: by a signal, by au stop, for want of memory. Modes that it left on in the terminal are off afterwards.
import contextlib
import os
import signal

from window import *

with open("/home/agent/full", "w") as f:
    f.write(r"""
import sys, time
print("\033[?1049h\033[?1000h\033[?1002h\033[?1003h\033[?1006h\033[?1004h\033[?2004h\033[?1h\033=\033[2;5r\033[4h\033(0\033[31;44m\033[?25l\033[2J\033[Hon the ot" "her screen", flush=True)
if sys.argv[1] == "hog":
    x = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
if sys.argv[1] == "leave":
    sys.exit(3)
time.sleep(1000)
""")


def begins(command="au run python3 full wait"):
    line(command)
    soon(lambda: modes() == "1 0 1 1", f"the program should have switched everything on, not {modes()}")


def modes():
    return tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag} #{mouse_any_flag}").strip()


def plain():
    """A line is written as it is: neither inserted, nor in colour, nor in other letters, nor in a region."""
    line("clear; seq 30; echo before ever''ything")
    shows(r"\A9\n10\n", r"^30\nbefore everything$")
    want("\033[" not in tmux("capture-pane", "-p", "-e"), "nothing should be in colour")
    line("clear; echo before ever''ything")


def ends(how, end):
    begins()
    end()
    shows("^ready>$")
    gone()
    restored(how)
    plain()
    restored(how)


def killed(user, pattern, number):
    def end():
        for pid in processes(user, pattern):
            with contextlib.suppress(ProcessLookupError):  # one of them ends with another
                os.kill(pid, number)

    return end


opens()
ends("kill -9", killed("agent", "python3 full", signal.SIGKILL))
ends("a fault", killed("agent", "python3 full", signal.SIGSEGV))
ends("SIGTERM to au", killed("alice", "^au run", signal.SIGTERM))
ends("au stop", lambda: subprocess.run(["runuser", "-l", "alice", "-c", "au stop"], check=True, capture_output=True))

# For want of memory, and it is the other screen on which nothing of that would be seen. It is also so where a shell carries on and ends well.
for command in "au run python3 full hog", "au run sh -c 'python3 full hog; true'":
    line(command)
    shows("used up its memory limit of 128M", "^ready>$")
    restored(command)
    plain()

# A change in a share is reported where it is seen, too.
os.makedirs("/home/alice/proj")
subprocess.run(["chown", "alice:alice", "/home/alice/proj"], check=True)
line("au mount add --rw proj >/dev/null; cd proj; clear; echo before ever''ything")
shows(r"\Abefore everything\n")
line("au run sh -c 'touch .envrc; exec python3 ~agent/full wait'")
soon(lambda: modes() == "1 0 1 1", "the program should run")
killed("agent", "python3 /home/agent/full", signal.SIGKILL)()
shows("new or changed", "\\.envrc", "^ready>$")
line("cd; clear; echo before ever''ything")
restored("a report")

# Programs that people use.
for command, seen in ("vim.tiny -n /etc/passwd", "root:x"), ("less /etc/passwd", "root:x"), ("htop", "F10Quit"), ("tmux", r"\[0\]"):
    line(f"au run {command}")
    shows(seen)
    name = command.split()[0]
    [os.kill(pid, signal.SIGKILL) for pid in processes("agent", rf"^(\S*/)?{name}")]
    gone(name)
    shows("^ready>$")
    restored(name)
    plain()

# A mode that a program leaves on, and that ends by itself, stays on, as without au.
line("au run python3 full leave; echo; stty sane")
soon(lambda: modes() == "1 0 1 1", f"it should be as the program left it, not {modes()}")
tmux("kill-server")
