"""What identifiers look like. It imports little: the Jupyter server loads this before anybody asks for Perijove."""

from __future__ import annotations

import re

#: An identifier: two or three letters that say what it names, and a lower-case ULID.
ID_PATTERN = r"^[a-z]{2,3}-[0-9a-z]{26}$"
_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Return whether a text is an identifier."""
    return _ID.fullmatch(text) is not None
