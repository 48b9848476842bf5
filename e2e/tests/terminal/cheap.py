# SPDX-License-Identifier: GPL-3.0-or-later
# Processes outside a run: nothing but the entrypoint without a terminal, and a small au with one.
import subprocess

from human import *


def above(pid):
    """The command lines above a process, up to the human's shell."""
    found = []
    while pid > 1 and not re.match(r"\S*(bash|runuser|python)", command(pid)):
        found.append(command(pid).split()[0])
        pid = parent(pid)
    return found


# Without a terminal: guard and waiter are the entrypoint's, and au has become the waiter.
plain = subprocess.Popen(["runuser", "-l", "alice", "-c", "au run sleep 1000; true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
soon(lambda: processes("agent", "^sleep 1000"), "sleep should run")
[pid] = processes("agent", "^sleep 1000")
same(above(pid)[:3], ["sleep", "su_as_agent", "su_as_agent"], "what stands above a command without a terminal")
want(not processes("alice", "^au run"), "no au should wait")
os.kill(pid, 15)
plain.wait()
gone()

# With one: an au that is small, also when much has gone through.
alice = Human()
alice.does("au run sh -c 'seq 300000; echo be''gun; exec sleep 1000'", "begun")
soon(lambda: processes("agent", "^sleep 1000"), "sleep should run")
[pid] = processes("agent", "^sleep 1000")
same(above(pid)[:4], ["sleep", "su_as_agent", "su_as_agent", "au"], "what stands above a command with a terminal")
au = au_of(pid)
memory = {field: int(status(au, field).split()[0]) for field in ("VmHWM", "VmRSS", "RssAnon", "RssFile")}
print(f"au with a terminal, in kB: {memory}; threads: {status(au, 'Threads')}")
want(memory["VmHWM"] < 12 << 10, f"au takes more than 12 MB: {memory}")
alice.types(CTRL_C)
alice.sees(READY)
alice.leaves()
