#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""keys.py SHELL: types into a shell on a terminal of tmux's, presses Tab, and compares the line that is there then."""
import os
import subprocess
import sys
import time

SHELLS = {
    "bash": ["bash", "--norc", "-i"],
    "bash-alone": ["bash", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
START = {
    "bash": ["PS1='$ '", ". /usr/share/bash-completion/bash_completion", "bind 'set bell-style none'"],
    "bash-alone": ["PS1='$ '", 'eval "$(au completion bash)"', "bind 'set bell-style none'"],
    "zsh": ["PS1='$ '", "setopt no_beep", "autoload -Uz compinit && compinit -u -D"],
    "fish": ["function fish_prompt; echo '$ '; end", "function fish_right_prompt; end", "set -g fish_autosuggestion_enabled 0",
             "source /usr/local/share/fish/vendor_completions.d/au.fish"],
}
# The words that are typed before Tab, and the line that they become. The beginning that several words share is completed as far as they agree.
LINES = [
    ("au gra", "au grant"),
    ("au net restrict --pres", "au net restrict --preset"),
    ("au net restrict --preset anth", "au net restrict --preset anthropic"),
    ("au net restrict --preset=anth", "au net restrict --preset=anthropic"),
    ("au info -a rev", "au info -a reviewer"),
    ("au info --agent=rev", "au info --agent=reviewer"),
    ("au mount remove /home/alice/p", "au mount remove /home/alice/projects/one"),
    ("au -C keys.env resu", "au -C keys.env resume"),
    ("au new --unlock use", "au new --unlock userns"),
    ("au grant bo", "au grant bob"),
    ("au mount add only-fo", "au mount add only-folder/"),
    ("au mount add only-fi", "au mount add only-file"),
    ("au run --ro only-fo", "au run --ro only-folder/"),
    ("au run --rw only", "au run --rw only-folder/"),
    ("au run --env-file key", "au run --env-file keys.env"),
    ("au help mount rem", "au help mount remove"),
    ("au run mkfif", "au run mkfifo"),
    ("au run -- cat keys", "au run -- cat keys.env"),
    ("au completion fi", "au completion fish"),
    ("au record", "au record"),
]


def tmux(*words):
    return subprocess.run(["tmux", "-L", "keys", *words], check=True, capture_output=True, text=True).stdout


def line():
    """The last line that the shell shows."""
    shown = [text for text in tmux("capture-pane", "-p").split("\n") if text.strip()]
    return shown[-1].rstrip() if shown else ""


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def enter(text):
    tmux("send-keys", "-l", text)
    tmux("send-keys", "Enter")
    time.sleep(0.3)


def main(shell):
    subprocess.run(["tmux", "-L", "keys", "kill-server"], capture_output=True)
    tmux("new-session", "-d", "-x", "150", "-y", "50", *SHELLS[shell])
    time.sleep(1)
    for text in START[shell]:
        enter(text)
    enter("clear")
    if not until(lambda: line() == "$"):
        sys.exit(f"{shell} does not start:\n" + tmux("capture-pane", "-p"))
    failed = []
    for typed, want in LINES:
        tmux("send-keys", "-l", typed)
        until(lambda: line() == "$ " + typed)
        tmux("send-keys", "Tab")
        if typed == want:
            time.sleep(1.5)
        if not until(lambda: line().rstrip("/") == "$ " + want.rstrip("/"), 8):
            failed.append(f"{shell}: {typed!r} becomes {line()!r}, not {want!r}")
        tmux("send-keys", "C-c")
        enter("clear")
        until(lambda: line() == "$")
    tmux("kill-server")
    if failed:
        sys.exit("\n".join(failed))


os.environ["TERM"] = "xterm-256color"
main(sys.argv[1])
