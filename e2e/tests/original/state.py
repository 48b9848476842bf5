# SPDX-License-Identifier: GPL-3.0-or-later
"""What agent-as-unix-user has left on a machine, as text, and a machine from that text again.

    state.py show FOLDER    writes FOLDER: accounts, paths, acls, config.toml
    state.py make FOLDER    makes what is in it, as root, on a machine that has none of it
    state.py human          prints what there is of alice's, with ACLs where there are any

`paths` is in the order of making: first what was alice's before there was an agent, then a line "agent", then the rest. A line is
kind, mode, owner:group and path, and after a tab what a link leads to, which path a file is another name of, or a short text in it.
Longer texts, among them the program's own, are left out. `acls` is getfacl's.
"""
import os
import re
import shutil
import stat
import subprocess
import sys
import time

ACCOUNTS = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]
ALICE = "/home/alice"
HOMES = ["/home/agent", ALICE + "/proj", ALICE + "/ref", ALICE + "/shared"]
CONFIG = ALICE + "/.config/agent-as-unix-user.toml"
OLD = "/run/e2e/old-paths"  # what there was before the agent, as make's before() wrote it


def walk(top):
    yield top
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            yield os.path.join(folder, name)


def describe(path, seen):
    st = os.lstat(path)
    kind = {stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe"}.get(stat.S_IFMT(st.st_mode), "file")
    detail = ""
    if kind == "link":
        detail = os.readlink(path)
    elif kind == "file" and st.st_ino in seen:
        kind, detail = "again", seen[st.st_ino]
    elif kind == "file":
        with open(path, "rb") as file:
            text = file.read(80)
        detail = text.decode() if text.isascii() and text.count(b"\n") == 1 and len(text) < 80 else ""
    seen.setdefault(st.st_ino, path)
    line = f"{kind} {stat.S_IMODE(st.st_mode):04o} {st.st_uid}:{st.st_gid} {path}"
    return line + ("\t" + detail.rstrip("\n") if detail else "") + "\n"


def mentions_agent(line):
    names = line.replace(",", ":").strip().split(":")
    return "agent" in names or "su-as-agent" in names


def same(text):
    """Takes out what differs from day to day and from compiler to compiler: when a password was set, a program's fingerprint."""
    return re.sub(r'"[0-9a-f]{64}"', f'"{"0" * 64}"', re.sub(r":(!+):\d+:0:", r":\1:20000:0:", text))


def show(folder):
    os.makedirs(folder, exist_ok=True)
    with open(OLD) as file:
        old = file.read().splitlines()
    paths = [path for top in HOMES if os.path.lexists(top) for path in walk(top)]
    paths.sort(key=lambda path: path not in old)  # a stable sort: what is old first
    seen, agent = {}, False
    with open(folder + "/paths", "w") as out:
        for path in paths:
            if path not in old and not agent:
                agent = out.write("agent\n")
            out.write(describe(path, seen))
    with open(folder + "/accounts", "w") as out:
        for name in ACCOUNTS:
            with open("/etc/" + name) as file:
                out.writelines(f"{name} {same(line)}" for line in file if mentions_agent(line))
    with open(folder + "/acls", "w") as out:
        files = [path for path in paths if not os.path.islink(path)]
        subprocess.run(["getfacl", "--numeric", "--absolute-names", "--no-effective", "--skip-base", *files], stdout=out, check=True)
    with open(CONFIG) as file, open(folder + "/config.toml", "w") as out:
        out.write(same(file.read()))


def make_accounts(folder):
    with open(folder + "/accounts") as file:
        for line in file:
            name, _, entry = line.partition(" ")
            with open("/etc/" + name, "a") as out:
                out.write(entry)


def make_path(line):
    line, _, detail = line.rstrip("\n").partition("\t")
    kind, mode, owner, path = line.split(" ", 3)
    uid, gid = map(int, owner.split(":"))
    if kind == "folder":
        os.mkdir(path)
    elif kind == "link":
        os.symlink(detail, path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "again":
        os.link(detail, path)
    else:
        with open(path, "w") as out:
            out.write((detail or os.path.basename(path)) + "\n")
    os.chown(path, uid, gid, follow_symlinks=False)
    if kind != "link":
        os.chmod(path, int(mode, 8))


def make(folder):
    make_accounts(folder)
    with open(folder + "/paths") as file:
        for line in file:
            if line == "agent\n":
                time.sleep(0.1)  # so that the clock of the file system tells the one from the other
            else:
                make_path(line)
    subprocess.run(["setfacl", "--restore=" + folder + "/acls"], check=True)
    if not os.path.isdir(os.path.dirname(CONFIG)):
        os.mkdir(os.path.dirname(CONFIG))
        os.chown(os.path.dirname(CONFIG), 1000, 1000)
    shutil.copy(folder + "/config.toml", CONFIG)
    os.chown(CONFIG, 1000, 1000)


def human():
    seen = {}
    for path in (path for top in HOMES[1:] for path in walk(top)):
        print(describe(path, seen), end="")
        if not os.path.islink(path):
            options = ["--numeric", "--absolute-names", "--no-effective", "--skip-base", "--omit-header"]
            acl = subprocess.run(["getfacl", *options, path], capture_output=True, text=True, check=True).stdout
            if acl.strip():
                print("    " + acl.strip().replace("\n", " "))


{"show": show, "make": make, "human": human}[sys.argv[1]](*sys.argv[2:])
