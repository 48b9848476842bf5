# SPDX-License-Identifier: GPL-3.0-or-later
# editor.py PROJECT [PROMPT]... -- COMMAND... does what an editor does. It starts an agent that speaks the Agent Client Protocol, opens a session in PROJECT
# with one MCP server, sends the prompts, and prints what the agent says, a line each; without prompts the agent's name. It reads and writes the files that it
# is asked to.
import os
import subprocess
import sys

from rpc import Peer

end = sys.argv.index("--")
project, prompts, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1:]


def text_of(path, **_):
    with open(path) as f:
        return {"content": f.read()}


def write(path, content, **_):
    with open(path, "w") as f:
        f.write(content)


def update(update, **_):
    if prompts and update["sessionUpdate"] == "agent_message_chunk":
        print(update["content"]["text"].rstrip("\n"))


child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
agent = Peer(child.stdout, child.stdin, {"fs/read_text_file": text_of, "fs/write_text_file": write, "session/update": update})
server = {"name": "files", "command": sys.executable, "args": [os.path.join(project, "mcp.py")], "env": []}
hello = agent.ask("initialize", protocolVersion=1, clientCapabilities={"fs": {"readTextFile": True, "writeTextFile": True}})
assert hello["protocolVersion"] == 1, hello
session = agent.ask("session/new", cwd=project, mcpServers=[server] if prompts else [])["sessionId"]
for text in prompts:
    stopped = agent.ask("session/prompt", sessionId=session, prompt=[{"type": "text", "text": text}])
    assert stopped["stopReason"] == "end_turn", stopped
if not prompts:
    print(hello.get("agentInfo", {}).get("name"), bool(session))
child.stdin.close()
try:
    child.wait(10)
except subprocess.TimeoutExpired:
    child.kill()
