#!/bin/sh
# The human's own terminal is never the run's; on a terminal of its own the run can type for nobody else.
. /opt/e2e/tests/attacks/common
cat >/opt/on_terminal.py <<'END'
import fcntl, os, pty, sys, termios
# on_terminal.py own|mine|others|two COMMAND…: COMMAND on a new terminal, on one that is this session's, on one that is root's, or on a new one that reads from
# another
kind, argv = sys.argv[1], sys.argv[2:]
if kind == "others":
    main, side = pty.openpty()
    os.setresuid(1000, 1000, 1000)
else:
    os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
    main, side = pty.openpty()
other = os.ttyname(pty.openpty()[1])
child = os.fork()
if child == 0:
    if kind == "mine":
        os.setsid(); fcntl.ioctl(side, termios.TIOCSCTTY, 0)
        if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    for fd in (0, 1, 2): os.dup2(side, fd)
    if kind == "two": os.dup2(os.open(other, os.O_RDWR | os.O_NOCTTY), 0)
    os.closerange(3, 20)
    os.execvp(argv[0], argv)
os.close(side)
out = b""
while True:
    try: got = os.read(main, 4096)
    except OSError: break
    if not got: break
    out += got
print(out.decode(errors="replace").replace("\r", ""), end="")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
ok python3 /opt/on_terminal.py own $E agent -- sh -c 'test -t 0 && echo hello >/dev/tty; stat -c "%U %a" $(tty)'
says_exactly "hello
agent 600"
ok python3 /opt/on_terminal.py own $E agent -- python3 $here/calls.py terminal
says_not got
fails 125 python3 /opt/on_terminal.py mine $E agent -- true
says "the terminal is another session's"
fails 125 python3 /opt/on_terminal.py others $E agent -- true
says 'want a terminal made for this run'
fails 125 python3 /opt/on_terminal.py two $E agent -- true
says 'want a terminal made for this run'

promise="without a terminal there is no /dev/tty either"
fails 2 enter -- sh -c 'echo >/dev/tty'
ok python3 /opt/on_terminal.py mine sh -c "$E agent -- sh -c 'echo typed >/dev/tty' </dev/null >/dev/null 2>/dev/null; true"
says_not typed
rm /opt/on_terminal.py
