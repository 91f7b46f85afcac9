"""How records lie in an attempt's stream: an entry holds several lines, and its id says the number of the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perijove.wire.limits import ENTRY_LIMIT, RECORDS


def entries(first: int, lines: Sequence[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Split records `first`, `first` + 1, … into entries of at most `limits.ENTRY_LIMIT` bytes.

    Yields
    ------
    tuple of int, int, bytes
        The numbers of the first and last record, and the records joined by newlines. A single record that is larger
        than the limit is an entry of its own.
    """
    start, size = 0, 0
    for index, line in enumerate(lines):
        if index > start and size + len(line) > ENTRY_LIMIT:
            yield first + start, first + index - 1, b"\n".join(lines[start:index])
            start, size = index, 0
        size += len(line) + 1
    if lines:
        yield first + start, first + len(lines) - 1, b"\n".join(lines[start:])


def last_number(entry: str | bytes) -> int:
    """Return the number of an entry's last record; it is only one of ours up to `limits.RECORDS`."""
    return int(entry.partition(b"-")[0] if isinstance(entry, bytes) else entry.partition("-")[0])


def unpack(entry: str | bytes, fields: Mapping[bytes, bytes]) -> list[tuple[int, bytes]]:
    """Return an entry's records as ``(n, JSON line)``; none for an entry that is not of our making."""
    payload, last = fields.get(b"r"), last_number(entry)
    if not payload or last > RECORDS:
        return []
    lines = payload.split(b"\n")
    return list(enumerate(lines, last - len(lines) + 1))
