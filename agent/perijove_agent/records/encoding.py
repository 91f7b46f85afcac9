"""How a record becomes a JSON line."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def encode(record: dict[str, Any]) -> bytes:
    """Return `record` as one line of strict JSON, without its newline.

    Work prints what it likes: numbers JSON has no word for (NaN) become null, and text that is not Unicode (lone
    surrogates) is repaired, so that every reader in every language understands every line.
    """
    try:
        return to_json(record, inf_nan_mode="null")
    except PydanticSerializationError:
        return to_json(_repaired(record), inf_nan_mode="null")


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_repaired(str(key)): _repaired(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_repaired(item) for item in value]
    return value if isinstance(value, (int, float, type(None))) else str(value)
