#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""login.py callback ADDRESS | device: logs in as an agent program does, at https://$PROVIDER, and keeps the token in ~/.login.

It prints the link for the human's browser. With callback it waits on a port of localhost until that browser comes back, with device it
asks again and again.
"""

import http.server
import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

provider = "https://" + os.environ["PROVIDER"]


def post(path, **words):
    try:
        with urllib.request.urlopen(provider + path, urllib.parse.urlencode(words).encode(), timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def callback(address):
    state, seen = secrets.token_hex(8), {}

    class Back(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.update(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"You are logged in: close this page.\n")

        def log_message(self, *_):
            pass

    class Server(http.server.HTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

    server = Server((address, 0), Back)
    server.timeout = 60
    words = {"redirect_uri": f"http://localhost:{server.server_port}/callback", "state": state}
    print(f"{provider}/authorize?{urllib.parse.urlencode(words)}", flush=True)
    server.handle_request()
    if seen.get("state") != state:
        sys.exit("nobody came back")
    return post("/token", grant_type="callback", code=seen["code"])


def device():
    begun = post("/device")
    print(f"{provider}/activate?user_code={begun['user_code']}", flush=True)
    for _ in range(60):
        got = post("/token", grant_type="device", device_code=begun["device_code"])
        if got.get("error") != "authorization_pending":
            return got
        time.sleep(1)
    sys.exit("nobody typed the code")


token = (callback if sys.argv[1] == "callback" else device)(*sys.argv[2:])["access_token"]
with open(os.open(os.path.expanduser("~/.login"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    file.write(token + "\n")
