#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""hidden.py TOP HOME…: as the agent, in a folder TOP of which `key`, `sub/key` and `room` are hidden, tries each way to read, name, move or
remove them; HOME is the same folder at another path. It prints "got WHAT" for every one that worked, and "made WHAT" for what the agent
made itself under a hidden name, with no more in it than that."""

import ctypes
import errno
import os
import shutil
import socket
import struct
import sys

SECRET = b"only-the-human-has-this"
libc = ctypes.CDLL(None, use_errno=True)
tops = sys.argv[1:]
top = tops[0]
NAMES = ["key", "sub/key", "room", "room/key", "never"]


def got(what):
    print("got", what)


def attempt(what, do):
    """Does it; what fails as if nothing was there, or is not allowed, has come to nothing."""
    try:
        seen = do()
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS, errno.EXDEV, errno.ENOTDIR, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTEMPTY, errno.EBUSY, errno.ENXIO, errno.ENODATA, errno.EEXIST):
            got(f"{what}: {e}")
        return
    if seen is not None and seen is not False:
        got(f"{what}: {seen}")


def read(path, flags=os.O_RDONLY):
    fd = os.open(path, flags)
    try:
        return fd if flags & os.O_PATH else os.read(fd, 100) or True
    finally:
        os.close(fd)


def call(name, *args):
    if getattr(libc, name)(*args) != 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return True


def handle(path):
    """The kernel's name of a file."""
    buffer, mount = ctypes.create_string_buffer(struct.pack("II", 128, 0) + bytes(128)), ctypes.c_int()
    call("name_to_handle_at", -100, path.encode(), buffer, ctypes.byref(mount), 0)
    return buffer.raw


def by_handle(raw, at):
    fd = os.open(at, os.O_RDONLY)
    try:
        new = libc.open_by_handle_at(fd, ctypes.create_string_buffer(raw), os.O_RDONLY)
        if new < 0:
            raise OSError(ctypes.get_errno(), "open_by_handle_at")
        return new
    finally:
        os.close(fd)


def look(at, when=""):
    """Everything that only names or opens something."""
    for name in NAMES:
        full = f"{at}/{name}"
        folder = os.open(os.path.dirname(full) if os.path.isdir(os.path.dirname(full)) else at, os.O_RDONLY)
        base = os.path.basename(full) if os.path.isdir(os.path.dirname(full)) else name
        ways = {
            "open": lambda: read(full),
            "open by a descriptor": lambda: os.open(base, os.O_RDONLY, dir_fd=folder),
            "open a path": lambda: read(full, os.O_PATH | os.O_NOFOLLOW),
            "open to append": lambda: os.open(full, os.O_WRONLY | os.O_APPEND),
            "open with a slash": lambda: read(full + "/", os.O_PATH),
            "open by ..": lambda: read(f"{at}/sub/../{name}"),
            "open by /proc": lambda: read(f"/proc/self/fd/{folder}/{base}"),
            "open by the root of a process": lambda: read(f"/proc/self/root{full}"),
            "open by pid 1": lambda: read(f"/proc/1/root{full}"),
            "stat": lambda: os.lstat(full),
            "list": lambda: os.listdir(full),
            "chdir": lambda: os.chdir(full),
            "access": lambda: os.access(full, os.F_OK),
            "readlink": lambda: os.readlink(full),
            "truncate": lambda: os.truncate(full, 0),
            "chmod": lambda: os.chmod(full, 0o777),
            "utime": lambda: os.utime(full),
            "an attribute": lambda: os.getxattr(full, "user.k"),
            "its attributes": lambda: os.listxattr(full),
            "a mark of the overlay": lambda: os.getxattr(full, "trusted.overlay.origin"),
            "the kernel's name of it": lambda: handle(full),
            "watch": lambda: None if libc.inotify_add_watch(libc.inotify_init(), full.encode(), 0xFFF) < 0 else True,
            "execute": lambda: os.execv(full, [full]),
            "connect": lambda: socket.socket(socket.AF_UNIX).connect(full[-100:]),
            "mount": lambda: call("mount", full.encode(), at.encode(), None, 4096, None),
        }
        for way, do in ways.items():
            attempt(f"{when}{way} {name}", do)
        os.close(folder)
    for folder, names in ((at, {"key", "room", "never"}), (f"{at}/sub", {"key"})):
        if os.path.isdir(folder):
            attempt(f"{when}names in {folder}", lambda: sorted(names & set(os.listdir(folder))) or None)


def change(at):
    """What would take them away, or to another name."""
    for name in NAMES:
        full = f"{at}/{name}"
        for way, do in {
            "link": lambda: os.link(full, f"{at}/linked"),
            "rename": lambda: os.rename(full, f"{at}/renamed"),
            "exchange": lambda: call("renameat2", -100, full.encode(), -100, f"{at}/open".encode(), 2),
            "rename with a whiteout": lambda: call("renameat2", -100, f"{at}/open".encode(), -100, full.encode(), 4),
            "make a whiteout": lambda: os.mknod(full, 0o020000, 0),
            "unlink": lambda: os.unlink(full),
            "rmdir": lambda: os.rmdir(full),
            "mark the folder": lambda: os.setxattr(at, "trusted.overlay.opaque", b"y") or True,
            "take a mark off": lambda: os.removexattr(at, "trusted.overlay.opaque") or True,
        }.items():
            attempt(f"{way} {name}", do)


def make(at, name):
    """What the agent makes in their place is its own."""
    full = f"{at}/{name}"
    try:
        fd = os.open(full, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        return e.errno
    if os.pread(fd, 100, 0):
        got(f"{name}: a file that is made has something in it")
    os.write(fd, b"agent")
    os.close(fd)
    if open(full, "rb").read() != b"agent" or SECRET in open(full, "rb").read():
        got(f"{name}: it is not what was made")
    os.unlink(full)
    return attempt(f"{name}, once the agent's is removed", lambda: read(full))


for at in tops:
    look(at)
change(top)
look(top, "after those: ")
# Guesses: the handles of what lies beside.
for beside in ("open", "sub/open", "sub"):
    try:
        raw = handle(f"{top}/{beside}")
    except OSError:
        continue
    attempt(f"open {beside} by its handle", lambda: by_handle(raw, top))
for name in NAMES:
    make(top, name)
# An overlay that is not root's obeys these; this one does not.
for key, value in (("redirect", b"/sub"), ("opaque", b"x"), ("origin", b"\0" * 30), ("metacopy", b"")):
    attempt("steer", lambda: os.setxattr(f"{top}/sub", "user.overlay." + key, value))
look(top, "steered: ")
# Around them: the folder is copied up, renamed, lies elsewhere, comes back, is made anew.
try:
    os.chmod(f"{top}/sub", 0o755)
    look(top, "copied up: ")
    os.rename(f"{top}/sub", f"{top}/moved")
    os.symlink("moved", f"{top}/sub")
    look(top, "renamed: ")
    os.unlink(f"{top}/sub")
    os.mkdir(f"{top}/sub")
    look(top, "beside a new one: ")
    os.rename(f"{top}/moved", f"{top}/sub/sub")
    attempt("in its new place", lambda: read(f"{top}/sub/sub/key"))
    attempt("names in its new place", lambda: "key" if "key" in os.listdir(f"{top}/sub/sub") else None)
    os.rename(f"{top}/sub/sub", f"{top}/back")
    shutil.rmtree(f"{top}/sub")
    os.rename(f"{top}/back", f"{top}/sub")
    look(top, "back: ")
    if len(tops) > 1:
        look(tops[1], "back, at the other path: ")
    shutil.rmtree(f"{top}/sub")
    os.mkdir(f"{top}/sub")
    look(top, "made anew: ")
    os.rmdir(f"{top}/sub")
    for name in os.listdir(top):
        full = f"{top}/{name}"
        shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
    look(top, "all removed: ")
    print("done")
except OSError as e:
    print("changes end with", errno.errorcode[e.errno])
