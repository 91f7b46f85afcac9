"""What Schemathesis sends as a body of bytes: it knows JSON by itself."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/zstd", "application/octet-stream")
def as_bytes(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return any value as bytes."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()
