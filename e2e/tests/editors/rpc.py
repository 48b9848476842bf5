# SPDX-License-Identifier: GPL-3.0-or-later
# JSON-RPC 2.0 over two pipes: a line a message, as the Agent Client Protocol and MCP have it, or with Content-Length before each, as language servers do.
import json


class Peer:
    def __init__(self, reads, writes, answers=None, headers=False):
        self.reads, self.writes, self.answers, self.headers, self.last = reads, writes, answers or {}, headers, 0

    def send(self, **message):
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.writes.write(b"Content-Length: %d\r\n\r\n%s" % (len(text), text) if self.headers else text + b"\n")
        self.writes.flush()

    def notify(self, method, **params):
        self.send(method=method, params=params)

    # receive returns the next message, None at the end. A line that is no JSON-RPC ends the program: nothing else may come that way.
    def receive(self):
        line = self.reads.readline()
        if self.headers:
            length = 0
            while line not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                line = self.reads.readline()
            line = self.reads.read(length)
        if not line:
            return None
        try:
            message = json.loads(line)
        except ValueError:
            message = {}
        if message.get("jsonrpc") != "2.0":
            raise SystemExit("this is no message: %r" % line)
        return message

    def answer(self, message):
        if message["method"] not in self.answers:
            return "id" in message and self.send(id=message["id"], error={"code": -32601, "message": "no such method: " + message["method"]})
        try:
            result = {"result": self.answers[message["method"]](**message.get("params", {}))}
        except OSError as error:
            result = {"error": {"code": -32603, "message": str(error)}}
        return "id" in message and self.send(id=message["id"], **result)

    # ask returns the answer to a request, and answers what is asked meanwhile.
    def ask(self, method, **params):
        self.last += 1
        mine = self.last
        self.send(id=mine, method=method, params=params)
        while True:
            message = self.receive()
            if message is None:
                raise SystemExit("no answer to " + method)
            if "method" in message:
                self.answer(message)
            elif message.get("id") == mine:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def serve(self):
        while (message := self.receive()) is not None:
            if "method" in message:
                self.answer(message)
