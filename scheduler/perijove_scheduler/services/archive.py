"""Stored records: JSON lines, zstd, read as a stream from a given record on, with a bound on every step."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator

import zstandard

from perijove.aio.executors import READING
from perijove.errors import NotFound
from perijove.model.sizes import describe_size
from perijove.wire.archives import FOOTER_SIZE, last_of
from perijove.wire.limits import RECORD_LIMIT
from perijove_scheduler.files.protocol import Files

Records = list[tuple[int, bytes]]

_NUMBER = re.compile(rb'^\{\s*"n"\s*:\s*(\d{1,18})\b')
# A block of a frame takes at least four bytes and grows to 128 KiB at most: 128 bytes never become more than 4 MiB.
_BITE = 128
# Bytes that are passed on together.
_PIECE = 256 * 1024
# What is written here needs 2 MiB of history at most.
_WINDOW = 8 * 1024 * 1024


def number_of(line: bytes) -> int | None:
    """Return a record's number, which is the first thing in its line; None for what is no record."""
    match = _NUMBER.match(line)
    return None if match is None else int(match[1])


def mark(number: int, text: str) -> tuple[int, bytes]:
    """Return a record that says something about record `number`, in its place."""
    record = {"n": number, "t": time.time(), "kind": "log", "stream": "system", "text": f"[{text}]\n"}
    return number, json.dumps(record, separators=(",", ":")).encode()


def bounded(number: int, line: bytes, length: int | None = None) -> tuple[int, bytes]:
    """Return a record, or what says that it is too large for one; `length` is its own where `line` is not all of it."""
    size = len(line) if length is None else length
    if size <= RECORD_LIMIT:
        return number, line
    sizes = f"{describe_size(size)}; a record has at most {describe_size(RECORD_LIMIT)}"
    return mark(number, f"Record {number} is left out: it has {sizes}.")


async def last_record(files: Files, key: str) -> int | None:
    """Return the number of an object's last record, without unpacking it; None if there is no such object.

    One without a footer holds nothing that we know of: 0.
    """
    stored = await files.stat(key)
    if stored is None:
        return None
    end = b"".join([chunk async for chunk in files.get(key, max(0, stored.size - FOOTER_SIZE), stored.size)])
    return last_of(end) or 0


async def read(files: Files, key: str, after: int) -> AsyncIterator[Records]:
    """Iterate over batches of an object's records after number `after`; nothing is buffered whole.

    A record of more than `RECORD_LIMIT` bytes is left out, which a record in its place says. An object that is not
    there has no records; a damaged one ends where it is damaged.
    """
    reader = _Reader(after)
    try:
        async for chunk in files.get(key):
            # Beside the event loop, piece by piece: a MiB of somebody else's archive may become gigabytes.
            batches = reader.feed(chunk)
            while (batch := await READING.run(next, batches, None)) is not None:
                if batch:
                    yield batch
        if batch := reader.end():
            yield batch
    except (NotFound, zstandard.ZstdError):
        return  # what is missing then is said by who knows what there should be


class _Reader:
    """Unpacks an object and cuts it into records, a piece at a time."""

    def __init__(self, after: int) -> None:
        self._unpacker = _unpacker()
        self._lines = _Lines(after)

    def feed(self, chunk: bytes) -> Iterator[Records]:
        """Take a chunk; yield the records of each piece that it becomes, which may be none."""
        pieces: list[bytes] = []
        size = 0
        for start in range(0, len(chunk), _BITE):
            bite = chunk[start : start + _BITE]
            while bite:
                pieces.append(piece := self._unpacker.decompress(bite))
                size += len(piece)
                bite = self._unpacker.unused_data
                if self._unpacker.eof:  # a footer is a frame too, and so is every part of what was written in parts
                    self._unpacker = _unpacker()
            if size >= _PIECE:
                yield from self._cut(b"".join(pieces))
                pieces, size = [], 0
        yield from self._cut(b"".join(pieces))

    def _cut(self, text: bytes) -> Iterator[Records]:
        """Yield the records of a text piece by piece: a few bytes may become megabytes of lines that are none."""
        for start in range(0, len(text), _PIECE):
            yield self._lines.feed(text[start : start + _PIECE])

    def end(self) -> Records:
        """Return the record of a last line without an end."""
        return self._lines.end()


def _unpacker() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()


class _Lines:
    """Cuts text into records, and keeps little of a line that is too long for one."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._rest = b""
        self._length = 0

    def feed(self, piece: bytes) -> Records:
        """Take a piece; return the wanted records that end in it."""
        batch: Records = []
        if self._length > RECORD_LIMIT:
            head, newline, piece = piece.partition(b"\n")
            self._length += len(head)
            if not newline:
                return []
            batch = self.end()
        *lines, rest = (self._rest + piece).split(b"\n")
        for line in lines:
            batch += self._record(line, len(line))
        self._length = len(rest)
        self._rest = rest if len(rest) <= RECORD_LIMIT else rest[:_BITE]
        return batch

    def end(self) -> Records:
        """End the line that waits; return its record, if it is one that is wanted."""
        line, length = self._rest, self._length
        self._rest, self._length = b"", 0
        return self._record(line, length)

    def _record(self, line: bytes, length: int) -> Records:
        number = number_of(line)
        if number is None or number <= self._after:
            return []
        return [bounded(number, line, length)]
