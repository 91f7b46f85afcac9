"""Records as the text of a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Looked for in the bytes, so that a plot of a megabyte need not be parsed to find that it is no text.
_OF_INTEREST = (b'"kind":"log"', b'"message":"stream"', b'"message":"error"')


def is_of_interest(line: bytes) -> bool:
    """Return whether a record's line may hold text of the log."""
    return any(mark in line for mark in _OF_INTEREST)


def text_of(record: Mapping[str, Any]) -> str:
    """Return the text that a record adds to the log: what was printed, or a traceback."""
    if record["kind"] == "log":
        return str(record["text"])
    content = record.get("content")
    if record["kind"] != "output" or not isinstance(content, dict):
        return ""
    if record["message"] == "stream":
        return str(content.get("text", ""))
    if record["message"] == "error":
        return "\n".join(map(str, content.get("traceback", []))) + "\n"
    return ""
