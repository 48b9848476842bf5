# SPDX-License-Identifier: GPL-3.0-or-later
"""typed.py USER PASSWORD [--at TEXT KEYS|hang-up]... COMMAND...: runs COMMAND on a terminal of USER's, who types PASSWORD whenever a program asks, and KEYS when
TEXT is seen. Prints what USER sees and then `questions: N`; exits as COMMAND does."""

import os
import pty
import pwd
import re
import select
import sys
import time

user, password, words = sys.argv[1], sys.argv[2], sys.argv[3:]
at = {}
while words[0] == "--at":
    at[words[1].encode()] = words[2].encode().decode("unicode_escape")
    words = words[3:]

pid, terminal = pty.fork()
if pid == 0:
    account = pwd.getpwnam(user)
    os.initgroups(user, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.chdir(account.pw_dir)
    os.execvpe(words[0], words, {"HOME": account.pw_dir, "USER": user, "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb"})

seen, answered, questions = b"", 0, 0
end = time.time() + 120
while time.time() < end:
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    seen += part
    if re.search(rb"password[^\n]*: ?$", seen[answered:]):
        questions += 1
        answered = len(seen)
        time.sleep(0.05)
        os.write(terminal, password.encode() + b"\n")
    for text in [text for text in at if text in seen]:
        keys = at.pop(text)
        if keys == "hang-up":
            os.close(terminal)
            end = 0
            break
        os.write(terminal, keys.encode())
else:
    if end:
        print("typed.py: it did not end")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(seen.decode(errors="replace").replace("\r", ""), end="")
print(f"questions: {questions}")
sys.exit(status if status >= 0 else 128 - status)
