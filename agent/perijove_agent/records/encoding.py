"""How a record becomes a JSON line."""

from __future__ import annotations

from typing import Any

from perijove import safe_json


def encode(record: dict[str, Any]) -> bytes:
    """Return `record` as one line of strict JSON, without its newline, that every reader in every language takes."""
    return safe_json.written(record)
