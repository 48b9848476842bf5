# SPDX-License-Identifier: GPL-3.0-or-later
# The rest of a run when somebody has gone: the command, au, the terminal, the shell.
import os
import time
import signal

from human import *

alice = Human()
before = alice.settings()
SLEEP = "au run sh -c 'echo be''gun; exec sleep 1000'"


def settled(after):
    same(alice.settings(), before, f"the terminal's settings after {after}", alice)


def starts(line=SLEEP, human=alice):
    """The pid of the command, and of au."""
    gone()
    human.types(line + "\n")
    human.sees("begun\r+\n")
    soon(lambda: processes("agent", "^(sleep|cat)"), "the command should run", human)
    pid = processes("agent", "^(sleep|cat)")[0]
    return pid, au_of(pid)


# The command is killed: by its own, by the human's signals to au, and by root.
for number, status_wanted in (signal.SIGKILL, 137), (signal.SIGTERM, 143), (signal.SIGSEGV, 139):
    pid, _ = starts()
    os.kill(pid, number)
    alice.sees(READY)
    alice.finishes('echo "status $?."', rf"status {status_wanted}\.")
    settled(f"signal {number} to the command")
for number in signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM:
    _, au = starts()
    os.kill(au, number)
    alice.sees(READY)
    alice.finishes('echo "status $?."', rf"status {128 + number}\.")
    settled(f"signal {number} to au")
    gone()
# The waiter, which the human can kill, takes the run along.
pid, au = starts()
os.kill(parent(parent(pid)), signal.SIGKILL)
alice.sees(READY)
alice.finishes('echo "status $?."', r"status 137\.")
settled("SIGKILL to the waiter")
gone()

# kill -9 of au ends the run, also one that ignores the hang-up. Nobody restores the terminal then but the human's
# shell: bash does after a job that a signal has ended.
for line in SLEEP, "au run sh -c 'trap \"\" HUP TERM INT; echo be''gun; sleep 1000; sleep 1000'", "au run sh -c 'setsid nohup sleep 1000 >/dev/null 2>&1 & echo be''gun; sleep 1000'":
    pid, au = starts(line)
    want(alice.is_raw(), "au should have the terminal", alice)
    os.kill(au, signal.SIGKILL)
    alice.sees("Killed")
    alice.sees(READY)
    settled("SIGKILL of au, in bash")
    gone()
# A stopped run, killed.
pid, au = starts("au run sh -c 'echo be''gun; exec cat'")
alice.types(CTRL_Z)
alice.sees("Stopped")
alice.sees(READY)
os.kill(au, signal.SIGKILL)
gone()
alice.finishes("echo mi''ne", "mine")
settled("SIGKILL of a stopped au")
alice.types("\n")
alice.sees(READY)

# A simple shell leaves the terminal as it is: stty sane.
bob = Human("alice", "exec dash -i")
pid, au = starts(human=bob)
os.kill(au, signal.SIGKILL)
bob.sees(READY)
want(bob.is_raw(), "dash restores terminals? then the documents are wrong", bob)
bob.types("stty sane\n")
bob.sees(READY)
soon(lambda: not bob.is_raw(), "stty sane should mend the terminal", bob)
bob.finishes("echo mi''ne", "mine\r\n")
gone()
bob.leaves()

# au without its shell goes on until the end, or until the terminal goes.
for line in SLEEP, "au run sh -c 'trap \"\" HUP TERM INT; echo be''gun; sleep 1000; sleep 1000'", "sleep 1000 | au run sh -c 'echo be''gun >&2; exec cat' | cat":
    eve = Human()
    pid, au = starts(line, eve)
    eve.hangs_up()
    gone()
    soon(lambda: not os.path.exists(f"/proc/{au}"), f"au should end when the terminal of {line} is gone")
# In the background, and stopped, too.
for line in SLEEP + " &", "au run sh -c 'echo be''gun; exec cat' &":
    eve = Human()
    pid, au = starts(line, eve)
    eve.hangs_up()
    gone()
    soon(lambda: not os.path.exists(f"/proc/{au}"), f"au should end when the terminal of {line} is gone")

# A process that the agent leaves behind is ended with its run; and another run of the same agent does not even see its terminal.
alice.finishes("au run sh -c 'setsid nohup sleep 1000 >/dev/null 2>&1 & nohup sleep 1000 & sleep 0.1'", "")
gone("a run that left processes in the background")
SPY = r"""
import os, time
open('ready', 'w').close()
while True:
    names = [n for n in os.listdir('/dev/pts') if n.isdigit() and os.stat('/dev/pts/' + n).st_uid == os.getuid()]
    if names: break
    if os.path.exists('enough'): raise SystemExit
    time.sleep(0.01)
fd = os.open('/dev/pts/' + names[0], os.O_RDWR | os.O_NOCTTY)
os.set_blocking(fd, False)
log = open('spied', 'w', buffering=1)
log.write('open\n')
while not os.path.exists('enough'):
    try: log.write('read %r\n' % os.read(fd, 4096))
    except OSError as e: log.write(e.strerror + '\n') if e.errno != 11 else None
    time.sleep(0.05)
"""
with open("/home/agent/spy.py", "w") as f:
    f.write(SPY)
for left in "spied", "ready", "enough":
    if os.path.exists("/home/agent/" + left):
        os.unlink("/home/agent/" + left)
alice.finishes("(au run python3 spy.py </dev/null >/dev/null 2>&1 &)", "")
soon(lambda: os.path.exists("/home/agent/ready"), "the spy should run", alice)
alice.types("au run sh -c 'echo be''gun; exec sleep 1000'\n")
alice.sees("begun\r\n")
time.sleep(0.5)  # the spy looks every 50 ms
alice.types(CTRL_C)
alice.sees(READY)
alice.finishes("echo pass''word", "password")
alice.finishes("au run true", "")
alice.finishes("echo pass''word", "password")
open("/home/agent/enough", "w").close()
gone()
want(not os.path.exists("/home/agent/spied"), "another run's terminal should not be there to be opened", alice)
settled("a spy")

# Nothing can be put into the keys, from anywhere inside.
PUSH = r"""
import errno, fcntl, os, struct, termios
def refused(what, call):
    try: call()
    except OSError as e: return print(what, errno.errorcode[e.errno])
    print(what, 'WORKED')
for name in '/dev/tty', '/proc/self/fd/0', '/proc/self/fd/2':
    fd = os.open(name, os.O_RDWR)
    refused('TIOCSTI', lambda: fcntl.ioctl(fd, termios.TIOCSTI, b'x'))
    refused('TIOCSTI-wide', lambda: fcntl.ioctl(fd, termios.TIOCSTI | 1 << 32, b'x'))
    refused('TIOCLINUX', lambda: fcntl.ioctl(fd, 0x541C, b'\x03'))
    refused('TIOCCONS', lambda: fcntl.ioctl(fd, termios.TIOCCONS))
    refused('TIOCSETD', lambda: fcntl.ioctl(fd, termios.TIOCSETD, struct.pack('i', 2)))
    refused('TIOCVHANGUP', lambda: fcntl.ioctl(fd, 0x5437))
print('tried.')
"""
with open("/home/agent/push.py", "w") as f:
    f.write(PUSH)
start = alice.read
alice.finishes("au run python3 push.py", r"tried\.")
tried = alice.screen[start:].decode()
for call in "TIOCSTI ", "TIOCSTI-wide ", "TIOCLINUX ":
    want(f"{call}EPERM" in tried and f"{call}WORKED" not in tried, f"{call} should be refused: {tried}")
alice.leaves()
