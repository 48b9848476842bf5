#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small internet: a DNS server, and web servers that say who they are. It runs in a network namespace of its own.

Every name in NAMES has an IPv4 and an IPv6 address; both are in the namespace. HTTP and HTTPS answer on all of them:
/ with the host asked for and the address that was dialled, and whether a proxy's login came along, /big with 8 MB, a POST with how much came, /git/ with the repositories of
/run/internet/git. What stands in /run/internet/files/HOST is answered for that host; a file 404 there is for all else that is asked of it.
DNS answers on *.53; on *.54, ports 53 and 5354, there is another server, which says that every name is other.test's address.
What is asked stands in /run/internet/dns.log, by the name and the number of the type, what the other one is asked with " elsewhere" behind it. allowed.test has
an HTTPS record with a key to hide names with. What is asked of the web servers stands in /run/internet/web.log: a line "METHOD HOST/PATH" each.
"""
import http.server
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time

NAMES = {  # name: (last byte of 203.0.113.x and 2001:db8:2::x)
    "allowed.test": 7, "www.allowed.test": 7, "git.test": 8, "mirror.test": 9, "other.test": 10,
    "attacker.test": 66, "ns.test": 53, **dict.fromkeys(os.environ.get("INTERNET_ALSO", "").split(), 10),
}
# ipv4hint and ech, of which only that they are there matters.
HTTPS = struct.pack("!HBHH", 1, 0, 4, 4) + socket.inet_aton("203.0.113.66") + struct.pack("!HH", 5, 4) + b"\0\2\xfe\x0d"
INSIDE = {"inside.test": "127.0.0.1", "lan.test": "198.51.100.2"}


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, content_type="text/plain", status=200):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def git(self, body=b""):
        """What git-http-backend answers, a CGI program."""
        path, _, query = self.path.partition("?")
        environment = {
            "GIT_PROJECT_ROOT": "/run/internet/git", "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path.removeprefix("/git"), "QUERY_STRING": query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0], "PATH": os.environ["PATH"],
        }
        said = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False).stdout
        head, _, content = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            if name != "Content-Length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        if self.path.startswith("/git/"):
            self.git()
            return
        dialled = self.connection.getsockname()[0].removeprefix("::ffff:")
        files = os.path.join("/run/internet/files", self.headers.get("Host", "").split(":")[0])
        path = os.path.normpath(files + self.path.split("?")[0])
        content_type = "application/octet-stream"
        if os.path.isdir(path) and os.path.isfile(path + "/index.html"):
            path, content_type = path + "/index.html", "text/html"
        if self.path == "/big":
            self.answer(b"x" * (8 << 20))
        elif path.startswith(files + "/") and os.path.isfile(path):
            with open(path, "rb") as file:
                self.answer(file.read(), content_type)
        elif os.path.isfile(files + "/404"):
            with open(files + "/404", "rb") as file:
                self.answer(file.read(), "application/json", 404)
        else:
            told = " and a login" if "Proxy-Authorization" in self.headers else ""
            self.answer(f"INTERNET {self.headers.get('Host')} {dialled}{told}\n".encode())

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/git/"):
            self.git(data)
            return
        self.answer(f"GOT {len(data)}\n".encode())

    def parse_request(self):
        whole = super().parse_request()
        if whole:
            with open("/run/internet/web.log", "a") as log:
                log.write(f"{self.command} {self.headers.get('Host')}{self.path}\n")
        return whole

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


def resolve(question, elsewhere=False):
    name, kind, end = parse(question)
    with open("/run/internet/dns.log", "a") as log:
        log.write(f"{name} {kind}{' elsewhere' if elsewhere else ''}\n")
    data = b""
    if kind == 65 and name == "allowed.test":
        data = HTTPS
    elif kind == 1 and name in NAMES:
        data = socket.inet_aton(f"203.0.113.{10 if elsewhere else NAMES[name]}")
    elif kind == 1 and name in INSIDE:
        data = socket.inet_aton(INSIDE[name])
    elif kind == 28 and name in NAMES:
        data = socket.inet_pton(socket.AF_INET6, f"2001:db8:2::{10 if elsewhere else NAMES[name]}")
    known = name in NAMES or name in INSIDE
    header = question[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, 1 if data else 0, 0, 0)
    answer = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 30, len(data)) + data if data else b""
    return header + question[12:end] + answer


class UDP(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        try:
            sock.sendto(resolve(data, self.server.elsewhere), self.client_address)
        except (IndexError, struct.error):
            pass


class TCP(socketserver.BaseRequestHandler):
    def handle(self):
        size = self.request.recv(2)
        if len(size) == 2:
            reply = resolve(self.request.recv(struct.unpack("!H", size)[0]))
            self.request.sendall(struct.pack("!H", len(reply)) + reply)


def watch():
    """Writes a line for each packet that comes from the machine, for whoever asks what left it."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as wire, open("/run/internet/wire", "w", buffering=1) as log:
        wire.bind(("down0", 3))
        while True:
            data, (_, protocol, kind, *_) = wire.recvfrom(128)
            if kind == socket.PACKET_OUTGOING or protocol not in (0x0800, 0x86DD):
                continue
            v6 = protocol == 0x86DD
            at, size = (8, 16) if v6 else (12, 4)
            source, to = (socket.inet_ntop(socket.AF_INET6 if v6 else socket.AF_INET, data[i:i + size]) for i in (at, at + size))
            rest = data[40:] if v6 else data[(data[0] & 15) * 4:]
            if data[6 if v6 else 9] == 6 and rest[13] & 4:  # a reset, which is not counted either
                continue
            log.write(f"{time.time():.3f} protocol {data[6 if v6 else 9]} {source} > {to} {rest[:20].hex(' ', 4)}\n")


class UDPServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    elsewhere = False


class UDP6Server(UDPServer):
    address_family = socket.AF_INET6


class TCP6Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    threading.Thread(target=watch, daemon=True).start()
    for host in ("203.0.113.53", "203.0.113.66"):
        serve(UDPServer((host, 53), UDP))
    for host in ("2001:db8:2::53", "2001:db8:2::66"):
        serve(UDP6Server((host, 53), UDP))
    serve(TCP6Server(("::", 53), TCP))
    for kind, host, port in ((UDPServer, "203.0.113.54", 53), (UDP6Server, "2001:db8:2::54", 5354)):
        server = kind((host, port), UDP)
        server.elsewhere = True
        serve(server)
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
