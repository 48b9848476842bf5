#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry.py PORT [--next NAME] FILE.tgz|FOLDER...: answers npm as a registry that has these packages, and no other.

A FOLDER is a node_modules, and holds packages as they are installed. With --next there is one version more of a package: the same, under the
number that comes next.
"""

import base64
import copy
import hashlib
import http.server
import io
import json
import os
import re
import sys
import tarfile
import urllib.parse

port, words = int(sys.argv[1]), sys.argv[2:]
following = None
if words[0] == "--next":
    following, words = words[1], words[2:]
packages, archives = {}, []  # archives: what gives the bytes of each


def add(about, archive, **dist):
    about["dist"] = {"tarball": f"http://127.0.0.1:{port}/-/{len(archives)}.tgz", **dist}
    archives.append(archive)
    packages.setdefault(about["name"], {})[about["version"]] = about


def add_file(name):
    with tarfile.open(name) as tar, open(name, "rb") as data:
        about = json.load(tar.extractfile("package/package.json"))
        digest = base64.b64encode(hashlib.sha512(data.read()).digest()).decode()
    add(about, lambda: open(name, "rb").read(), integrity="sha512-" + digest)


def pack(folder, about):
    """The package in a folder, under what is said about it, and not compressed: npm takes both. What npm put below it is left out, unless it comes with it."""
    bundled = about.get("bundleDependencies") or about.get("bundledDependencies")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        text = json.dumps({key: value for key, value in about.items() if key != "dist"}, indent=2).encode()
        info = tarfile.TarInfo("package/package.json")
        info.size, info.mode = len(text), 0o644
        tar.addfile(info, io.BytesIO(text))
        for name in sorted(os.listdir(folder)):
            if name != "package.json" and (bundled or name != "node_modules"):
                tar.add(os.path.join(folder, name), "package/" + name)
    return out.getvalue()


def add_folder(modules):
    for name in sorted(os.listdir(modules)):
        folder = os.path.join(modules, name)
        if name.startswith("@"):
            add_folder(folder)
        elif name[0] != "." and os.path.isfile(folder + "/package.json"):
            with open(folder + "/package.json", encoding="utf-8") as file:
                about = json.load(file)
            add(about, lambda folder=folder, about=about: pack(folder, about))
            if about["name"] == following and not re.search(r"-(linux|darwin|win32)", about["version"]):
                later = copy.deepcopy(about)
                later["version"] = re.sub(r"^(\d+\.\d+\.)(\d+)", lambda m: m[1] + str(int(m[2]) + 1), about["version"])
                add(later, lambda folder=folder, later=later: pack(folder, later))
            if os.path.isdir(folder + "/node_modules"):
                add_folder(folder + "/node_modules")


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)[1:]
        if path.startswith("-/"):
            return self.reply(200, archives[int(path[2:-4])]())
        name, version = path, None
        if name not in packages:
            name, _, version = path.rpartition("/")
        versions = packages.get(name)
        if versions is None:
            return self.reply(404, b"{}")
        # A version with a tail, such as 1.2.3-linux-x64, is of one platform.
        latest = ([v for v in versions if "-" not in v] or list(versions))[-1]
        if version is not None:
            one = versions.get(latest if version == "latest" else version)
            return self.reply(200 if one else 404, json.dumps(one or {}).encode())
        self.reply(200, json.dumps({"name": name, "dist-tags": {"latest": latest}, "versions": versions}).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


for word in words:
    (add_folder if os.path.isdir(word) else add_file)(word)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
