#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""provider.py ADDRESS PORT CERTIFICATE KEY: logs programs in, as a model's provider does.

GET  /authorize?redirect_uri=…&state=…   what the human's browser opens: it is sent back with a code
POST /device                             a device's code, and one that the human types
GET  /activate?user_code=…               what the human's browser opens then
POST /token                              a token for either code; authorization_pending before the human has been there
"""

import http.server
import json
import secrets
import ssl
import sys
import urllib.parse

codes, devices = set(), {}  # devices: what the human types, and whether they have, by the device's code


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/authorize":
            code = secrets.token_hex(8)
            codes.add(code)
            back = query["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": query["state"]})
            return self.reply(302, {}, back)
        for device in devices.values():
            if url.path == "/activate" and device["user_code"] == query["user_code"]:
                device["activated"] = True
                return self.reply(200, {"activated": True})
        self.reply(404, {"error": "not_found"})

    def do_POST(self):
        query = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if self.path == "/device":
            device = secrets.token_hex(8)
            devices[device] = {"user_code": secrets.token_hex(4), "activated": False}
            return self.reply(200, {"device_code": device, "user_code": devices[device]["user_code"]})
        if query.get("code") in codes:
            codes.remove(query["code"])
        elif query.get("device_code") not in devices:
            return self.reply(400, {"error": "invalid_grant"})
        elif not devices[query["device_code"]]["activated"]:
            return self.reply(400, {"error": "authorization_pending"})
        self.reply(200, {"access_token": "token-of-" + query["grant_type"]})

    def reply(self, status, body, location=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Answer)
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(sys.argv[3], sys.argv[4])
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
