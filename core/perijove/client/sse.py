"""Server-sent events, decoded from bytes as they arrive.

After https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6. Lines end with CR LF, LF or CR
only: ``str.splitlines`` would also cut at U+2028 and the like, which JSON may hold unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Message:
    """One message of a stream. An empty `id` is none."""

    event: str
    data: str
    id: str


@dataclass
class Decoder:
    """Turns chunks of bytes, cut anywhere, into messages; a message the stream's end cuts off is dropped."""

    _rest: bytes = b""
    _event: str = ""
    _id: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Take the next bytes; iterate over the messages they complete."""
        for line in self._lines(chunk):
            if line:
                self._take(line.decode(errors="replace"))
            else:
                yield from self._dispatch()

    def _lines(self, chunk: bytes) -> list[bytes]:
        # Only the chunk is searched, so that a message of many chunks costs no more than its length. A CR at the
        # end may be half of a CR LF: it waits for the next byte.
        if not chunk:
            return []
        held = self._rest.endswith(b"\r")
        lines = _LINE_END.split((b"\r" if held else b"") + chunk)
        lines[0] = (self._rest[:-1] if held else self._rest) + lines[0]
        self._rest = lines.pop()
        if chunk.endswith(b"\r"):
            self._rest = lines.pop() + b"\r"
        return lines

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> Iterator[Message]:
        if self._data:
            yield Message(self._event or "message", "\n".join(self._data), self._id)
        self._event, self._data, self._id = "", [], ""
