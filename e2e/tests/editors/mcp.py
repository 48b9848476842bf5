# SPDX-License-Identifier: GPL-3.0-or-later
# A small MCP server over standard input and output. Its one tool, text, gives the text of a file.
import sys

from rpc import Peer


def call(name, arguments, **_):
    with open(arguments["path"]) as f:
        return {"content": [{"type": "text", "text": "%s: %s" % (name, f.read())}]}


Peer(sys.stdin.buffer, sys.stdout.buffer, {
    "initialize": lambda **_: {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "files", "version": "1"}},
    "notifications/initialized": lambda **_: None,
    "tools/call": call,
}).serve()
