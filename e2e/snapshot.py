# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what a machine looks like, one fact a line: what `au` may leave behind would be among it."""
import hashlib
import os
import pwd
import re
import stat
import subprocess

TREES = ["/etc", "/home", "/usr/local", "/var/mail", "/var/spool/cron", "/var/lib/systemd/linger", "/run/au"]
ACCOUNTS = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]
# Back-up copies that shadow-utils writes, and caches.
NOISE = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|/etc/ld\.so\.cache$"
                   r"|/etc/\.updated$|/\.bash_history$|/\.sudo_as_admin_successful$|/\.cache/")


def fact(path):
    st = os.lstat(path)
    words = [stat.filemode(st.st_mode), f"{st.st_uid}:{st.st_gid}", path]
    if stat.S_ISLNK(st.st_mode):
        words.append("-> " + os.readlink(path))
    elif stat.S_ISREG(st.st_mode):
        with open(path, "rb") as file:
            words.append(hashlib.sha256(file.read()).hexdigest()[:12])
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        value = os.getxattr(path, name, follow_symlinks=False)
        if not name.startswith("trusted.overlay."):
            words.append(f"{name}={value.hex()}")
    return " ".join(words)


def walk(top):
    if not os.path.lexists(top):
        return
    yield top
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            yield os.path.join(folder, name)


def show(command):
    """Prints what the command says; nothing where there is no such command."""
    try:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    except OSError:
        return
    for line in done.stdout.splitlines():
        if not line.startswith("#"):
            # Counters are not rules.
            print(command.split()[0] + ": " + re.sub(r"packets \d+ bytes \d+|\[\d+:\d+\]", "", line))


def main():
    for name in ACCOUNTS:
        with open("/etc/" + name) as file:
            for line in file:
                print(f"{name}: {line.rstrip()}")
    for top in TREES:
        for path in walk(top):
            if not NOISE.search(path) and path not in ["/etc/" + name for name in ACCOUNTS]:
                print(fact(path))
    for name in ACCOUNTS:
        st = os.lstat("/etc/" + name)
        print(stat.filemode(st.st_mode), f"{st.st_uid}:{st.st_gid}", "/etc/" + name)
    show("find / -xdev -perm /6000 ! -type d -printf '%M %u:%g %p\\n' | sort")
    show("find /home /var/lib /opt /srv -xdev -nouser -o -xdev -nogroup")
    humans = {str(user.pw_uid) for user in pwd.getpwall() if user.pw_name in ("root", "alice", "bob", "carol")}
    units = subprocess.run("systemctl list-units --all --plain --no-legend --no-pager", shell=True,
                           capture_output=True, text=True, check=False).stdout
    for line in units.splitlines():
        unit = line.split()[0]
        owner = re.match(r"user(?:-runtime-dir)?[@-](\d+)\.", unit)
        if unit.startswith("au-") or owner and owner.group(1) not in humans:
            print("unit:", unit)
    show("nft list ruleset")
    show("iptables-save")
    show("ip6tables-save")
    with open("/proc/self/mounts") as file:
        for line in sorted(file, key=lambda line: line.split()[1:3]):  # systemd mounts some at once
            what, where, kind, _ = line.split(None, 3)
            if not where.startswith("/run/"):
                print("mount:", kind, where)


main()
