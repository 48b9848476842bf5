# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes system calls that a run must not be able to make, and prints "got WHAT" for each that worked."""

import ctypes
import os
import signal
import socket
import stat
import struct
import sys
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = os.uname().machine == "x86_64"
FCHMODAT2, OPENAT2, IO_URING_SETUP = 452, 437, 425
TMPFILE = 0o20000000
HERE = -100


def call(number, *arguments):
    words = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    return libc.syscall(ctypes.c_long(number), *words)


def got(what, worked):
    if worked:
        print("got", what, flush=True)


def set_id_left(name):
    try:
        return os.lstat(name).st_mode & stat.S_ISUID != 0
    except FileNotFoundError:
        return False


def attempt(what, name, do):
    """Runs do on a file of that name; what counts is whether a set-uid file stands there afterwards."""
    do(name.encode())
    got(what, set_id_left(name))
    if os.path.exists(name):
        os.unlink(name)


def made(do):
    def make_first(name):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o755))
        do(name)
    return make_first


def set_uid():
    os.umask(0)
    bits = 0o4755
    if X86:
        attempt("chmod", "f", made(lambda n: call(90, n, bits)))
        attempt("creat", "f", lambda n: call(85, n, bits))
        attempt("open", "f", lambda n: call(2, n, os.O_CREAT | os.O_WRONLY, bits))
        attempt("mknod", "f", lambda n: call(133, n, stat.S_IFREG | bits, 0))
        attempt("open O_TMPFILE", "f", lambda n: link_tmpfile(n, call(2, b".", TMPFILE | os.O_DIRECTORY | os.O_RDWR, bits)))
    numbers = dict(fchmod=91, fchmodat=268, openat=257, mknodat=259) if X86 else dict(fchmod=52, fchmodat=53, openat=56, mknodat=33)
    attempt("fchmod", "f", made(lambda n: call(numbers["fchmod"], os.open(n, os.O_RDWR), bits)))
    attempt("fchmod with high bits", "f", made(lambda n: call(numbers["fchmod"], os.open(n, os.O_RDWR), bits | 1 << 40)))
    attempt("fchmodat", "f", made(lambda n: call(numbers["fchmodat"], HERE, n, bits)))
    attempt("fchmodat2", "f", made(lambda n: call(FCHMODAT2, HERE, n, bits, 0)))
    attempt("openat", "f", lambda n: call(numbers["openat"], HERE, n, os.O_CREAT | os.O_WRONLY, bits))
    attempt("mknodat", "f", lambda n: call(numbers["mknodat"], HERE, n, stat.S_IFREG | bits, 0))
    attempt("openat O_TMPFILE", "f", lambda n: link_tmpfile(n, call(numbers["openat"], HERE, b".", TMPFILE | os.O_DIRECTORY | os.O_RDWR, bits)))
    attempt("openat2", "f", lambda n: call(OPENAT2, HERE, n, struct.pack("QQQ", os.O_CREAT | os.O_WRONLY, bits, 0), 24))
    attempt("chmod of x32", "f", made(lambda n: call(0x40000000 + 90, n, bits) if X86 else None))
    attempt("chmod of i386", "f", made(in_a_child(chmod_i386)))


def link_tmpfile(name, fd):
    try:
        os.link(f"/proc/self/fd/{fd}", name, follow_symlinks=True)
    except OSError:
        got("a set-uid file without a name", fd >= 0 and os.fstat(fd).st_mode & stat.S_ISUID != 0)


def in_a_child(do):
    """What the filter answers by killing must not kill this."""
    def run(name):
        child = os.fork()
        if child == 0:
            do(name)
            os._exit(0)
        os.waitpid(child, 0)
    return run


def chmod_i386(name):
    """chmod(name, 04755) by int $0x80, from memory that such a call can address."""
    if not X86:
        return
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, 4096, 7, 0x20 | 0x02 | 0x40, -1, 0)
    ctypes.memmove(page + 2048, name + b"\0", len(name) + 1)
    code = (b"\x53\xb8" + struct.pack("I", 15) + b"\xbb" + struct.pack("I", page + 2048) + b"\xb9" + struct.pack("I", 0o4755)
            + b"\xcd\x80\x5b\xc3")
    ctypes.memmove(page, code, len(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(page)()


def user_namespace():
    """In one of its own the agent may mount, and an overlay copies modes without any chmod."""
    new, clone, unshare = 0x10000000, 56 if X86 else 220, 272 if X86 else 97
    for what, do in dict(clone=lambda: call(clone, new | signal.SIGCHLD, 0, 0, 0, 0),
                         clone3=lambda: call(435, struct.pack("QQQQQQQQ", new, 0, 0, 0, signal.SIGCHLD, 0, 0, 0), 64)).items():
        child = do()
        if child == 0:
            os._exit(0)
        got(f"a user namespace by {what}", child > 0)
    got("a user namespace by unshare", call(unshare, new) == 0)


def set_gid():
    os.umask(0)
    for what, do in {"openat": lambda: os.open("f", os.O_CREAT | os.O_WRONLY, 0o2755), "mknod": lambda: os.mknod("f", stat.S_IFREG | 0o2755)}.items():
        try:
            do()
        except OSError:
            pass
        if os.path.exists("f"):
            got(f"a set-gid file by {what}", os.stat("f").st_mode & stat.S_ISGID != 0)
            os.unlink("f")


def ordinary():
    """What must still work: prints "works WHAT"."""
    os.chdir(tempfile.mkdtemp(dir="."))
    os.mkdir("d")
    os.chmod("d", 0o2775)
    open("d/f", "w").close()
    os.chmod("d/f", 0o755)
    os.mkfifo("d/p")
    os.unlink("d/p"), os.unlink("d/f"), os.rmdir("d")
    print("works modes")


def pools():
    """What is one pool for all users of the machine."""
    context = ctypes.c_ulong(0)
    got("asynchronous requests", libc.syscall(206 if X86 else 0, 1, ctypes.byref(context)) == 0)


def user_keyrings():
    """Names the keyrings that outlive a run, in every way there is."""
    add, request, control = (248, 249, 250) if X86 else (217, 218, 219)
    call = lambda *args: libc.syscall(*(a if isinstance(a, bytes) else ctypes.c_long(a) for a in args)) >= 0
    for name, ring in ("the user's", -4), ("the user session's", -5):
        got(f"a key in {name} keyring", call(add, b"user", b"planted", b"x", 1, ring))
        got(f"{name} keyring", call(control, 0, ring, 1))
        got(f"{name} keyring cleared", call(control, 7, ring))
        got(f"a key requested into {name} keyring", call(request, b"user", b"in_session", 0, ring))
        key = libc.syscall(add, b"user", b"in_session", b"x", 1, -3)
        got(f"a key linked to {name} keyring", call(control, 8, key, ring))
    got("the default keyring set", call(control, 14, 4))
    got("the persistent keyring", call(control, 22, -1, -3))
    if call(add, b"user", b"in_session", b"x", 1, -3) and call(control, 0, -3, 0) and call(control, 7, -3):
        print("works keys")


def sockets():
    for name, family in dict(vsock=40, rds=21, packet=17, tipc=30, bluetooth=31, alg=38, can=29, qipcrtr=42, rxrpc=33).items():
        try:
            socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_DGRAM)
            got(name, True)
        except OSError as error:
            # Whether this kernel has the family is not the question: the filter answers before it.
            got(f"{name} as far as the kernel", error.errno != 97)
        try:
            socket.socketpair(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_DGRAM)
            got(f"a pair of {name}", True)
        except OSError as error:
            got(f"a pair of {name} as far as the kernel", error.errno != 97)
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
        got("the kernel's IPsec", True)
    except OSError as error:
        got("the kernel's IPsec as far as the kernel", error.errno != 97)
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        socket.socket(family, socket.SOCK_STREAM).close()
    socket.socketpair()


def key_helper():
    """Has the kernel start a program of root's, outside the run, that looks for a key, and for a host name if that is what it is told."""
    ctypes.set_errno(0)
    call(249 if X86 else 218, b"user", b"au-attack", b"", 0)
    got("a helper of root's, as far as the kernel", ctypes.get_errno() != 1)


def io_uring():
    got("io_uring", call(IO_URING_SETUP, 4, bytes(256)) >= 0)
    for what, number in (("io_uring_enter", 426), ("io_uring_register", 427)):
        ctypes.set_errno(0)
        call(number, -1, 0, 0, 0, 0, 0)
        got(f"{what} as far as the kernel", ctypes.get_errno() != 38)


def terminal():
    """Typing into a terminal for whoever reads it next. EPERM is the filter's, EIO a kernel's that does it no more."""
    for what, request, argument in (("TIOCSTI", 0x5412, b"x"), ("TIOCLINUX", 0x541C, b"\2")):
        libc.ioctl(0, ctypes.c_ulong(request), argument)
        got(what, ctypes.get_errno() != 1)
        libc.syscall(ctypes.c_long(16 if X86 else 29), ctypes.c_long(0), ctypes.c_long(request | 1 << 32), argument)
        got(f"{what} with high bits", ctypes.get_errno() != 1)


def requests():
    """What changes a file, or what a folder shows, and leaves its times. EPERM is the filter's."""
    with tempfile.TemporaryFile() as file:
        for what, request in (("MOVE_EXT", 0xC028660F), ("SWAPEXT", 0xC0C0586D), ("SET_ENCRYPTION_POLICY", 0x800C6613), ("ADD_ENCRYPTION_KEY", 0xC0506617)):
            for high in (0, 1 << 32):
                libc.syscall(ctypes.c_long(16 if X86 else 29), ctypes.c_long(file.fileno()), ctypes.c_long(request | high), ctypes.c_long(0))
                got(f"{what} | {high:#x}", ctypes.get_errno() != 1)


def abstract():
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect("\0" + os.environ["NAME"])
        got("an abstract socket of another's", True)
    except PermissionError:
        pass


def keyring():
    """Looks for a key that only who possesses its keyring may see."""
    request_key = 249 if X86 else 218
    got("a key of the human's", call(request_key, b"user", b"au-attack", 0, 0) > 0)


def guard():
    """Pid 1 of the run was root, and holds the link to the waiter."""
    if libc.ptrace(0x4206, 1, None, None) == 0:
        got("ptrace of pid 1", True)
        os._exit(0)  # the signals below would stop it for good
    for name in ("environ", "mem", "maps", "fd", "root"):
        try:
            path = f"/proc/1/{name}"
            os.listdir(path) if name in ("fd", "root") else open(path, "rb").read(1)
            got(path, True)
        except OSError:
            pass
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP):
        try:
            os.kill(1, number)
        except OSError:
            pass
    got("pidfd_getfd of pid 1", hasattr(os, "pidfd_open") and call(438, os.pidfd_open(1), 3, 0) >= 0)


def root_again():
    for what, do in dict(setuid=lambda: os.setuid(0), setresuid=lambda: os.setresuid(-1, 0, -1), setgid=lambda: os.setgid(0),
                         setgroups=lambda: os.setgroups([0]), setfsuid=lambda: libc.setfsuid(0) == 0 and libc.setfsuid(-1) == 0 or 1 / 0).items():
        try:
            do()
            got(what, True)
        except (OSError, ZeroDivisionError):
            pass


def state():
    """What a process inherits from its caller unless somebody looks after it."""
    ignored = int(next(l for l in open("/proc/self/status") if l.startswith("SigIgn")).split()[1], 16) & ~(1 << 12 | 1 << 24)
    got("ignored signals", ignored != 0)
    got("blocked signals", signal.pthread_sigmask(signal.SIG_BLOCK, []) != set())
    got("a umask", os.umask(0o22) != 0o22)
    import resource
    got("a limit", resource.getrlimit(resource.RLIMIT_FSIZE) != (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    got("a soft limit", resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 1024)
    got("a timer", signal.getitimer(signal.ITIMER_REAL)[0] != 0)
    got("core dumps", resource.getrlimit(resource.RLIMIT_CORE)[0] != 0)
    got("descriptors", sorted(os.listdir("/proc/self/fd"))[:4] != ["0", "1", "2", "3"] or len(os.listdir("/proc/self/fd")) != 4)


for name in sys.argv[1:]:
    globals()[name]()
