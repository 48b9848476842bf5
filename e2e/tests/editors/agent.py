# SPDX-License-Identifier: GPL-3.0-or-later
# A small agent that speaks the Agent Client Protocol. To a prompt, WORD ARGUMENT, it does one thing, by the absolute paths that it is given:
#   read PATH      has the editor read a file, and reads it itself: both are one
#   write PATH     has the editor write a file, and reads it itself
#   make PATH      writes a file itself, and has the editor read it
#   where          says where it is
#   mcp PATH       asks the MCP server of the session for a file's text
#   definition PATH   starts clangd, and says where it finds what the second line of a C file calls
import os
import subprocess
import sys

from rpc import Peer

session = {}


def ask_editor(method, **params):
    return editor.ask(method, sessionId="1", **params)


def read(path):
    theirs = ask_editor("fs/read_text_file", path=path)["content"]
    with open(path) as f:
        return "one" if f.read() == theirs else "two files"


def write(path):
    ask_editor("fs/write_text_file", path=path, content="by the editor\n")
    with open(path) as f:
        return f.read()


def make(path):
    with open(path, "w") as f:
        f.write("by the agent\n")
    return ask_editor("fs/read_text_file", path=path)["content"]


def where():
    return os.getcwd()


def started(command, headers=False):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return child, Peer(child.stdout, child.stdin, headers=headers)


def mcp(path):
    server = session["mcpServers"][0]
    child, peer = started([server["command"], *server["args"]])
    peer.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "agent", "version": "1"})
    peer.notify("notifications/initialized")
    result = peer.ask("tools/call", name="text", arguments={"path": path})
    child.stdin.close()
    child.wait()
    return result["content"][0]["text"]


def definition(path):
    child, peer = started(["clangd"], headers=True)
    uri = "file://" + path
    peer.ask("initialize", processId=None, rootUri="file://" + session["cwd"], capabilities={})
    peer.notify("initialized")
    with open(path) as f:
        peer.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "c", "version": 1, "text": f.read()})
    found = peer.ask("textDocument/definition", textDocument={"uri": uri}, position={"line": 1, "character": 25})
    peer.ask("shutdown")
    peer.notify("exit")
    child.wait()
    return found[0]["uri"]


def new_session(cwd, **params):
    os.chdir(cwd)
    session.update(params, cwd=cwd)
    return {"sessionId": "1"}


def prompt(prompt, **_):
    word, *arguments = prompt[0]["text"].split()
    try:
        text = {"read": read, "write": write, "make": make, "where": where, "mcp": mcp, "definition": definition}[word](*arguments)
    except (OSError, RuntimeError) as error:
        text = str(error)
    editor.notify("session/update", sessionId="1", update={"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})
    return {"stopReason": "end_turn"}


editor = Peer(sys.stdin.buffer, sys.stdout.buffer, {
    "initialize": lambda protocolVersion, **_: {"protocolVersion": protocolVersion, "agentCapabilities": {}},
    "session/new": new_session,
    "session/prompt": prompt,
})
editor.serve()
