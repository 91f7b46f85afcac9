"""How records lie in the object store: JSON lines, zstd, and a footer that says the number of the last one.

The footer is a skippable frame (RFC 8878, section 3.1.2), which every zstd tool passes over: who wants the number need
not unpack what may be gigabytes.
"""

from __future__ import annotations

import struct

from perijove.wire.limits import RECORDS

#: zstd's identifier of a skippable frame, the length of what it holds, and the number.
_FOOTER = struct.Struct("<IIQ")
_MAGIC = 0x184D2A57
_PAYLOAD = 8
#: Bytes of a footer.
FOOTER_SIZE = _FOOTER.size


def footer(last: int) -> bytes:
    """Return the footer of an object whose last record is number `last`; 0 says that it has none."""
    return _FOOTER.pack(_MAGIC, _PAYLOAD, last)


def last_of(end: bytes) -> int | None:
    """Return the number that a footer says, given an object's last `FOOTER_SIZE` bytes; None where there is none."""
    if len(end) != FOOTER_SIZE:
        return None
    magic, length, last = _FOOTER.unpack(end)
    return int(last) if (magic, length) == (_MAGIC, _PAYLOAD) and last <= RECORDS else None
