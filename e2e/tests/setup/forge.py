#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""forge.py FOLDER CERTIFICATE KEY TOKEN: git over HTTPS on 127.0.0.1:443, to the repositories in FOLDER, for who has the token as password."""

import base64
import http.server
import os
import ssl
import subprocess
import sys
import urllib.parse

folder, certificate, key, token = sys.argv[1:]


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(secret).decode().partition(":")[2] != token:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        url = urllib.parse.urlsplit(self.path)
        words = {
            "GIT_PROJECT_ROOT": folder, "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "agent", "REQUEST_METHOD": self.command,
            "PATH_INFO": url.path, "QUERY_STRING": url.query, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            words["HTTP_CONTENT_ENCODING"] = "gzip"
        said = subprocess.run(["git", "http-backend"], input=asked, stdout=subprocess.PIPE, env=dict(os.environ, **words)).stdout
        head, _, body = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Answer)
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(certificate, key)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
