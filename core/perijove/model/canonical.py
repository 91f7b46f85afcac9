"""The one way to write a JSON document as bytes, so that client and master give equal documents equal digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def encode(document: dict[str, Any]) -> bytes:
    """Return the canonical JSON text of a document: equal documents give equal bytes.

    Raises
    ------
    ValueError
        It holds a number that JSON does not have.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a document's canonical JSON text."""
    return hashlib.sha256(encode(document)).hexdigest()
