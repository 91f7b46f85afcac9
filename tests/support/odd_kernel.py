"""A kernel that says what its cells tell it to: each cell is a JSON object of raw messages, right or wrong.

``iopub`` and ``shell`` are lists of messages, each a list of a header, a parent, metadata and content, as raw JSON;
null is the part that a right message has. ``reply`` is the reply's raw content, or null for none, and ``idle`` says
whether the kernel says that it is done.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session


class OddKernel:
    """Answers requests until it is told to shut down."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self.session = Session(key=connection["key"].encode(), signature_scheme=connection["signature_scheme"])
        context = zmq.Context()
        self.sockets = {}
        for name, kind in (("shell", zmq.ROUTER), ("control", zmq.ROUTER), ("iopub", zmq.XPUB)):
            self.sockets[name] = context.socket(kind)
            self.sockets[name].bind(f"{connection['transport']}://{connection['ip']}-{connection[name + '_port']}")

    def run(self) -> None:
        poller = zmq.Poller()
        for name in ("shell", "control"):
            poller.register(self.sockets[name], zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                who, request = self.session.recv(socket)
                if not self.answer(socket, who, request):
                    return

    def answer(self, socket: zmq.Socket, who: list[bytes], request: Any) -> bool:
        self.session.send(self.sockets["iopub"], "status", {"execution_state": "busy"}, request)
        kind, idle, content = request["msg_type"], True, {"status": "ok"}
        if kind == "execute_request":
            cell = json.loads(request["content"]["code"])
            idle = cell.get("idle", True)
            for message in cell.get("iopub", []):
                self.send_raw(self.sockets["iopub"], [b"odd"], request, message)
            for message in cell.get("shell", []):
                self.send_raw(socket, who, request, message)
            reply = cell.get("reply", '{"status": "ok"}')
            if reply is not None:
                self.send_raw(socket, who, request, [None, None, None, reply], "execute_reply")
        elif kind == "kernel_info_request":
            content["language_info"] = {"name": "odd"}
        if kind != "execute_request":
            self.session.send(socket, kind.replace("request", "reply"), content, request, who)
        if idle:
            self.session.send(self.sockets["iopub"], "status", {"execution_state": "idle"}, request)
        return kind != "shutdown_request"

    def send_raw(
        self, socket: zmq.Socket, who: list[bytes], request: Any, parts: list[str | None], kind: str = "stream"
    ) -> None:
        header = json.dumps(self.session.msg_header(kind), default=str)
        parent = json.dumps(request["header"], default=str)
        right = [header, parent, "{}", "{}"]
        whole = [each if part is None else part for part, each in zip(parts, right, strict=True)]
        raw = [part.encode("utf-8", "surrogatepass") for part in whole]
        socket.send_multipart([*who, b"<IDS|MSG>", self.session.sign(raw), *raw])


if __name__ == "__main__":
    OddKernel(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run()
