#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small internet: a DNS server, and web servers that say who they are. It runs in a network namespace of its own.

Every name in NAMES has an IPv4 and an IPv6 address; both are in the namespace. HTTP and HTTPS answer on all of them:
/ with the host asked for and the address that was dialled, /big with 8 MB, a POST with how much came. DNS answers on *.53.
"""
import http.server
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading

NAMES = {  # name: (last byte of 203.0.113.x and 2001:db8:2::x)
    "allowed.test": 7, "www.allowed.test": 7, "git.test": 8, "mirror.test": 9, "other.test": 10,
    "attacker.test": 66, "ns.test": 53,
}
INSIDE = {"inside.test": "127.0.0.1", "lan.test": "198.51.100.2"}


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        dialled = self.connection.getsockname()[0].removeprefix("::ffff:")
        files = os.path.join("/run/internet/files", self.headers.get("Host", "").split(":")[0])
        path = os.path.normpath(files + self.path.split("?")[0])
        if self.path == "/big":
            self.answer(b"x" * (8 << 20))
        elif path.startswith(files + "/") and os.path.isfile(path):
            with open(path, "rb") as file:
                self.answer(file.read())
        else:
            self.answer(f"INTERNET {self.headers.get('Host')} {dialled}\n".encode())

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(f"GOT {len(data)}\n".encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def parse(question):
    """The name, the type and the end of the first question."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode("ascii", "replace"))
        at += 1 + question[at]
    return ".".join(labels).lower(), struct.unpack("!H", question[at + 1:at + 3])[0], at + 5


def resolve(question):
    name, kind, end = parse(question)
    with open("/run/internet/dns.log", "a") as log:
        log.write(f"{name} {kind}\n")
    data = b""
    if kind == 1 and name in NAMES:
        data = socket.inet_aton(f"203.0.113.{NAMES[name]}")
    elif kind == 1 and name in INSIDE:
        data = socket.inet_aton(INSIDE[name])
    elif kind == 28 and name in NAMES:
        data = socket.inet_pton(socket.AF_INET6, f"2001:db8:2::{NAMES[name]}")
    known = name in NAMES or name in INSIDE
    header = question[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, 1 if data else 0, 0, 0)
    answer = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 30, len(data)) + data if data else b""
    return header + question[12:end] + answer


class UDP(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        try:
            sock.sendto(resolve(data), self.client_address)
        except (IndexError, struct.error):
            pass


class TCP(socketserver.BaseRequestHandler):
    def handle(self):
        size = self.request.recv(2)
        if len(size) == 2:
            reply = resolve(self.request.recv(struct.unpack("!H", size)[0]))
            self.request.sendall(struct.pack("!H", len(reply)) + reply)


class UDPServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class UDP6Server(UDPServer):
    address_family = socket.AF_INET6


class TCP6Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    for host in ("203.0.113.53", "203.0.113.66"):
        serve(UDPServer((host, 53), UDP))
    for host in ("2001:db8:2::53", "2001:db8:2::66"):
        serve(UDP6Server((host, 53), UDP))
    serve(TCP6Server(("::", 53), TCP))
    for port in (80, 8080):
        serve(Server(("::", port), Web))
    secure = Server(("::", 443), Web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/run/internet/server.pem", "/run/internet/server.key")
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    serve(secure)
    with open("/run/internet/ready", "w"):
        pass
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
