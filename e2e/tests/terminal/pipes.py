# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in pipelines, with files, and in the background of the human's shell.
import hashlib
import os

from human import *

alice = Human()
before = alice.settings()


def settled(after):
    same(alice.settings(), before, f"the terminal's settings after {after}", alice)


# The run writes, another program has the keys: less gets all of them, and finds a terminal as it left it.
alice.finishes("seq 1000 >/home/agent/numbers; echo ma''de", "made")
for line in "au run cat numbers | less", "au run sh -c 'cat numbers; cat numbers >&2' 2>/dev/null | less":
    alice.types(line + "\n")
    alice.sees(r"23\r\n(?s:.*):")
    alice.types("G")
    alice.sees(r"1000\r\n(?s:.*)END")
    alice.types("?^555$\n")
    alice.sees(r"555(?s:.*):")
    alice.types("q")
    alice.sees(READY)
    settled(line)
# Endless output, and the pager leaves first.
alice.types("au run yes | less\n")
alice.sees(r"y\r\n(?s:.*):")
alice.types("q")
alice.sees(READY)
alice.finishes('echo "status ${PIPESTATUS[0]}."', r"status 141\.")
settled("yes | less")
gone()
# git's own pager, inside.
alice.finishes("au run sh -c 'rm -rf r && mkdir r && cd r && git init -q && git -c user.email=a@b -c user.name=a commit -q --allow-empty -m \"first of all\"'; echo ma''de", "made")
alice.types("au run -d /home/agent/r git -c core.pager='less -+F' log\n")
alice.sees(r"first of all(?s:.*)END|first of all\r\n(?s:.*):")
alice.types("q")
alice.sees(READY)
alice.finishes("au run -d /home/agent/r git log --oneline | cat; echo \"${PIPESTATUS[*]}.\"", r"first of all\r\n0 0\.")
settled("git log")

# A run that reads no keys takes none: the terminal stays as it is, and Ctrl-C ends both.
alice.types("sleep 1000 | au run sh -c 'echo be''gun >&2; exec cat' | cat\n")
alice.sees("begun\r\n")
want(not alice.is_raw(), "raw, although the run reads no keys", alice)
alice.types(CTRL_C)
alice.sees(READY)
# The command may have seen the end of its input before the signal.
alice.finishes('echo "status ${PIPESTATUS[*]}."', r"status 130 (130|0) 130\.")
gone()
# Ctrl-Z stops all of a pipeline, fg continues it.
alice.types("au run sh -c 'echo be''gun >&2; sleep 1; echo through; cat' | sed s/ough/ee/\n")
alice.sees("begun\r\n")
for i in range(2):
    alice.types(CTRL_Z)
    alice.sees(r"Stopped[^\n]*au run")
    alice.sees(READY)
    settled("Ctrl-Z in a pipeline")
    alice.does("fg", "au run")
    soon(lambda: not [p for p in processes("agent") if status(p, "State").startswith("T")], "fg should continue all", alice)
alice.sees("three")
# And the last of it wants the keys after all.
soon(alice.is_raw, "a run in a pipeline that reads should get the keys", alice)
alice.types("more\n")
alice.sees("more\r\n")
alice.types(CTRL_D)
alice.sees("more\r\n")
alice.sees(READY)
settled("a pipeline with keys")

# Newlines are whole, on either side of a pipe.
alice.types("au run sh -c 'echo on''e; echo tw''o >&2' | cat\n")
alice.sees(r"(one\r\n(?s:.*)two\r\n|two\r\n(?s:.*)one\r\n)")
alice.sees(READY)

# Files.
alice.finishes("seq 3 >numbers; au run cat <numbers", r"1\r\n2\r\n3\r\n")
alice.finishes("au run seq 100000 | head -1; echo \"${PIPESTATUS[*]}.\"", r"1\r\n141 0\.")
alice.finishes("au run cat numbers | head -1", r"1\r\n")
alice.finishes("au run seq 3 >out; cat out", r"1\r\n2\r\n3\r\n")
alice.finishes("au run sh -c 'test ! -t 0 && test ! -t 1 && test -t 2 && echo ri''ght' <numbers | cat", "right")
settled("files")

# In the background it writes as it likes, and a read stops it; no key of the human's goes to it.
alice.finishes("au run sh -c 'echo out''put' & wait", "output")
alice.finishes("au run sh -c 'cat >got' &", r"\[1\]")
soon(lambda: "Stopped" in alice.finishes("jobs", r"(Stopped|Running)"), "reading in the background stops a run", alice)
alice.finishes("echo se''cret", "secret")
want(os.path.getsize("/home/agent/got") == 0, "a run in the background has read keys of the human's", alice)
settled("a run in the background")
alice.does("fg", "au run")
soon(alice.is_raw, "after fg the keys are the run's", alice)
alice.types("for you\n", CTRL_D)
alice.sees(READY)
with open("/home/agent/got") as f:
    same(f.read(), "for you\n", "what the run has read", alice)
# The same for one that takes from /dev/tty, and one that changes the settings.
for line in "au run sh -c 'read x </dev/tty' </dev/null &", "au run stty -echo &":
    alice.finishes(line, r"\[1\]")
    soon(lambda: "Stopped" in alice.finishes("jobs", r"(Stopped|Running)"), f"{line} should be stopped", alice)
    settled(line)
    alice.finishes("kill %1; fg; echo \"status $?.\"", r"status 143\.")
    gone()
settled("runs in the background")

# Ended by the human's shell while it is in the background, running or stopped.
alice.finishes("au run sleep 1000 &", r"\[1\]")
soon(lambda: processes("agent", "^sleep 1000"), "sleep should run", alice)
alice.finishes("kill %1; wait %1; echo \"status $?.\"", r"status 143\.")
gone()

# 10 MB on the terminal, byte for byte: without the newlines' returns, which are the human's terminal's.
noise = b"".join(hashlib.sha256(b"%d" % i).hexdigest().encode() + b"\n" for i in range(160000))
with open("/home/agent/noise", "wb") as f:
    f.write(noise)
alice.does("stty -onlcr; au run cat noise; stty onlcr; echo do''ne", "")
start = alice.read
alice.sees(r"done\r\n")
same(hashlib.sha256(alice.screen[start:start + len(noise)]).hexdigest(), hashlib.sha256(noise).hexdigest(), "10 MB on the screen")
alice.sees(READY)
# And every byte there is, through pipes and files.
noise = os.urandom(10 << 20)
with open("/home/alice/noise", "wb") as f:
    f.write(noise)
alice.finishes("au run cat <noise >noise2; cat noise | au run cat | cat >noise3; sha256sum noise noise2 noise3 | uniq -cw64", r"\s3 " + hashlib.sha256(noise).hexdigest())
settled("10 MB")

# Statuses are the ones without a terminal.
for inside in "true", "exit 42", "kill -TERM $$", "kill -KILL $$", "kill -SEGV $$", "/nosuch", "exec /etc/passwd":
    with_one = alice.finishes(f"au run sh -c '{inside}'; echo \"status $?.\"", r"status (\d+)\.")
    without = alice.finishes(f"au run sh -c '{inside}' </dev/null >/dev/null 2>&1; echo \"status $?.\"", r"status (\d+)\.")
    same(with_one, without, f"status of {inside}", alice)
for command_line in "nosuch", "/etc/passwd", "--nosuch", "-a nobodyatall true":
    with_one = alice.finishes(f"au run {command_line}; echo \"status $?.\"", r"status (\d+)\.")
    without = alice.finishes(f"au run {command_line} </dev/null >/dev/null 2>&1; echo \"status $?.\"", r"status (\d+)\.")
    same(with_one, without, f"status of au run {command_line}", alice)
settled("all of it")
gone()
alice.leaves()
