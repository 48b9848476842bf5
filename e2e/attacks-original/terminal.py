# SPDX-License-Identifier: GPL-3.0-or-later
"""terminal.py [--type TEXT] COMMAND...: runs COMMAND on a terminal of its own, and passes on what it prints and its status.

With --type, TEXT and a newline are typed once the command has printed "password:"."""

import os
import pty
import sys

argv = sys.argv[1:]
typed = b""
if argv[0] == "--type":
    typed, argv = argv[1].encode() + b"\n", argv[2:]

child, main = pty.fork()
if child == 0:
    os.execvp(argv[0], argv)
seen = b""
while True:
    try:
        got = os.read(main, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    if typed and b"password:" in seen:
        os.write(main, typed)
        typed = b""
    sys.stdout.buffer.write(got.replace(b"\r", b""))
    sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
