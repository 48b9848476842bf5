#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""transcript.py PAGE [HUMAN]: types the commands of a page, as that human, and prints where the page does not show what they print.

The commands are the lines of ```console blocks that begin with the human's prompt (`alice:~$ `), with what goes on behind `> `; what is between two of them is
what the first prints. All of a page is typed into one shell, in which the current folder is what the prompt says. A line of `…` stands for any number of lines, and
`…` in a line for any text; times, ids and hashes are whatever they are. Exits 1 with a diff that patch(1) takes, if anything differs.
"""
import difflib
import re
import subprocess
import sys

MARK = "\x01"


class Shell:
    """A shell of the human's, whose commands have no standard input."""

    def __init__(self, human):
        self.process = subprocess.Popen(["runuser", "-l", human, "-c", "exec bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.human, self.status, self.folder = human, "0", "~"

    def type(self, command):
        """Returns what the command prints on both outputs, as lines."""
        self.process.stdin.write(f"{{ (exit {self.status}); {command}\n}} </dev/null 2>&1\nprintf '{MARK}%s:%s{MARK}' $? \"$PWD\"\n")
        self.process.stdin.flush()
        said = ""
        while said.count(MARK) < 2:
            character = self.process.stdout.read(1)
            if not character:
                sys.exit(f"transcript: the shell ended at: {command}\n{said}")
            said += character
        said, end, _ = said.split(MARK)
        self.status, folder = end.split(":", 1)
        self.folder = re.sub(f"^/home/{self.human}(?=/|$)", "~", folder)
        return said.splitlines()

    def prompt(self):
        return f"{self.human}:{self.folder}$ "


def loosely(line):
    """The line without what is another one at each time."""
    line = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "TIME", line)
    line = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +\d+ [A-Z][a-z]{2} \d\d:\d\d\b", "TIME", line)
    line = re.sub(r"\b[A-Z][a-z]{2} +\d+ \d\d:\d\d\b", "TIME", line)
    line = re.sub(r"\b[0-9a-f]{7,64}\b", "ID", line)
    return re.sub(r"[\d.]+[KMG]?( s of CPU time| of memory| tasks|s ago)", r"N\1", line)


def agrees(shown, said):
    """Whether lines of a page are those that were printed."""
    if not shown or shown[0] == "…":
        return not shown or any(agrees(shown[1:], said[i:]) for i in range(len(said) + 1))
    if not said and shown:
        return False
    pattern = ".*".join(re.escape(loosely(part)) for part in shown[0].split("…"))
    return bool(re.fullmatch(pattern, loosely(said[0]))) and (agrees(shown[1:], said[1:]) if len(shown) > 1 else len(said) == 1)


def typed(block, shell):
    """The lines of a block as they come out of the shell."""
    prompt = re.compile(rf"{re.escape(shell.human)}:[^$ ]*\$ ")
    at, out = 0, []
    while at < len(block):
        if not prompt.match(block[at]):
            sys.exit(f"transcript: want a line that begins with a prompt such as \"{shell.prompt()}\": {block[at]}")
        here = shell.prompt()
        words = [prompt.sub("", block[at])]
        at += 1
        while at < len(block) and block[at].startswith("> "):
            words.append(block[at][2:])
            at += 1
        shown = []
        while at < len(block) and not prompt.match(block[at]):
            shown.append(block[at])
            at += 1
        said = shell.type("\n".join(words))
        out += [here + words[0], *("> " + word for word in words[1:])]
        out += shown if (agrees(shown, said) if shown else not said) else said
    return out


def again(lines, shell):
    """The page as it would be, were it written now."""
    out, block = [], None
    for line in lines:
        if block is not None and line == "```":
            out += typed(block, shell)
            block = None
        if block is None:
            out.append(line)
        else:
            block.append(line)
        if line == "```console":
            block = []
    return out


def main(page, human="alice"):
    with open(page, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if "```console" not in lines:
        sys.exit(f"transcript: {page} has no ```console block")
    now = again(lines, Shell(human))
    if now != lines:
        print("\n".join(difflib.unified_diff(lines, now, page, "what was seen", lineterm="")))
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
