"""Archived records: JSON lines, zstd, read as a stream from a given record on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import zstandard

from perijove.errors import NotFound
from perijove_scheduler.files.protocol import Files, log_key

_NUMBER = re.compile(rb'^\{\s*"n"\s*:\s*(\d+)')
# Well compressed records grow a hundredfold and more: small bites bound how much is unpacked at once.
_BITE = 4096


def number_of(line: bytes) -> int | None:
    """Return a record's number, which is the first thing in its line; None for what is no record."""
    match = _NUMBER.match(line)
    return None if match is None else int(match[1])


async def read(files: Files, execution: str, attempt: int, after: int) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Iterate over batches of an archived attempt's records after number `after`; nothing is buffered whole."""
    rest = b""
    try:
        async for piece in _unpacked(files, log_key(execution, attempt)):
            *lines, rest = (rest + piece).split(b"\n")
            if batch := _after(after, lines):
                yield batch
        if batch := _after(after, [rest]):
            yield batch
    except NotFound:
        return  # an attempt that told nothing has no archive


async def _unpacked(files: Files, key: str) -> AsyncIterator[bytes]:
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    async for chunk in files.get(key):
        for start in range(0, len(chunk), _BITE):
            bite = chunk[start : start + _BITE]
            while bite:
                yield unpacker.decompress(bite)
                bite = unpacker.unused_data
                if unpacker.eof:  # each time an agent resumed, it may have begun another frame
                    unpacker = zstandard.ZstdDecompressor().decompressobj()


def _after(after: int, lines: list[bytes]) -> list[tuple[int, bytes]]:
    numbered = ((number_of(line), line) for line in lines)
    return [(n, line) for n, line in numbered if n is not None and n > after]
