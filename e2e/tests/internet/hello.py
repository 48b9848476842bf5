#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""hello.py HOST NAME [ech]: sends to HOST:443 what a TLS client says first, for NAME, with ech one that hides another name in it (ECH), and says what
came back: `server hello`, or `alert N`."""
import socket
import ssl
import struct
import sys


def hello(name):
    context = ssl.create_default_context()
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


def hide(record):
    """Puts an extension encrypted_client_hello at the end: whoever has no key for it leaves it aside."""
    body = record[9:]
    at = 34
    at += 1 + body[at]
    at += 2 + struct.unpack("!H", body[at:at + 2])[0]
    at += 1 + body[at]
    # Outer; HKDF-SHA256 with AES-128-GCM, key 7, an encapsulated key and what is hidden.
    inner = struct.pack("!BHHBH", 0, 1, 1, 7, 32) + b"k" * 32 + struct.pack("!H", 144) + b"h" * 144
    extensions = struct.pack("!HH", 0xFE0D, len(inner)) + inner + body[at + 2:]
    body = body[:at] + struct.pack("!H", len(extensions)) + extensions
    return record[:3] + struct.pack("!HB", len(body) + 4, 1) + struct.pack("!I", len(body))[1:] + body


def main():
    said = hello(sys.argv[2])
    if sys.argv[3:] == ["ech"]:
        said = hide(said)
    with socket.create_connection((sys.argv[1], 443), 20) as s:
        s.sendall(said)
        answer = s.recv(100)
    print({21: f"alert {answer[6]}", 22: "server hello"}.get(answer[0], answer) if len(answer) > 6 else f"nothing: {answer!r}")


main()
