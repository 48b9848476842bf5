#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry.py PORT FILE.tgz...: answers npm as a registry that has these packages, and no other."""

import base64
import hashlib
import http.server
import json
import sys
import tarfile
import urllib.parse

port, files = int(sys.argv[1]), sys.argv[2:]
packages = {}
for number, name in enumerate(files):
    with tarfile.open(name) as tar, open(name, "rb") as data:
        about = json.load(tar.extractfile("package/package.json"))
        digest = base64.b64encode(hashlib.sha512(data.read()).digest()).decode()
    about["dist"] = {"tarball": f"http://127.0.0.1:{port}/-/{number}.tgz", "integrity": "sha512-" + digest}
    packages.setdefault(about["name"], {})[about["version"]] = about


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.unquote(self.path)[1:]
        if path.startswith("-/"):
            with open(files[int(path[2:-4])], "rb") as data:
                return self.reply(200, data.read())
        versions = packages.get(path)
        if versions is None:
            return self.reply(404, b"{}")
        # A version with a tail, such as 1.2.3-linux-x64, is of one platform.
        latest = [v for v in versions if "-" not in v] or list(versions)
        self.reply(200, json.dumps({"name": path, "dist-tags": {"latest": latest[-1]}, "versions": versions}).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
