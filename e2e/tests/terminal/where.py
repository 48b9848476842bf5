# SPDX-License-Identifier: GPL-3.0-or-later
# From a folder that is not shared, and from a deleted one, au run asks at a terminal whether the agent's home will do.
from human import *

QUESTION = r"Start in /home/agent instead\? \[y/N\]: "

alice = Human()
alice.finishes("cd shared")
for line in "au run pwd", "au run -e A=1 pwd":
    alice.does(line, r"/home/alice/shared is not shared, so the agent does not see it\r\n" + QUESTION)
    alice.types("y\n")
    alice.sees(r"\n/home/agent\r\n")
    alice.sees(READY)
for answer in "\n", "n\n", "no\n", CTRL_D:
    alice.does("au run pwd", QUESTION)
    alice.types(answer)
    alice.sees(r"nothing was started \(-d ~agent starts in the agent's home\)\r\nau: hint: au mount add --agent agent --rw /home/alice/shared\r\n")
    alice.sees(READY)
    alice.finishes('echo "status $?."', r"status 125\.")
alice.does("au run pwd", QUESTION)
alice.types(CTRL_C)
alice.sees(READY)
alice.finishes('echo "status $?."', r"status 130\.")

alice.finishes("mkdir gone; cd gone; rmdir ../gone")
alice.does("au run pwd", r"the current folder has been deleted, or cannot be reached\r\n" + QUESTION)
alice.types("y\n")
alice.sees(r"\n/home/agent\r\n")
alice.sees(READY)

# Where nobody could answer it is not asked: keys are for the command, or nobody sees the question.
alice.finishes("cd ~/shared")
alice.finishes("echo y | au run cat", r"nothing was started")
alice.finishes("au run pwd 2>~/said; echo \"status $?.\"", r"status 125\.")
alice.leaves()
