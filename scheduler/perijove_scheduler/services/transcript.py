"""Records as the text of a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

# Looked for in the bytes, so that a plot of a megabyte need not be parsed to find that it is no text.
_OF_INTEREST = (b'"kind":"log"', b'"message":"stream"', b'"message":"error"')


def is_of_interest(line: bytes) -> bool:
    """Return whether a record's line may hold text of the log."""
    return any(mark in line for mark in _OF_INTEREST)


def parsed(document: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for what is none, or is nested too deeply: a worker may send anything."""
    try:
        value = from_json(document)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def text_of(record: Mapping[str, Any]) -> bytes:
    """Return the text that a record adds to the log: what was printed, or a traceback."""
    return _text_of(record).encode("utf-8", "replace")


def _text_of(record: Mapping[str, Any]) -> str:
    if record.get("kind") == "log":
        return str(record.get("text", ""))
    content = record.get("content")
    if record.get("kind") != "output" or not isinstance(content, dict):
        return ""
    if record.get("message") == "stream":
        return str(content.get("text", ""))
    traceback = content.get("traceback", [])
    if record.get("message") == "error" and isinstance(traceback, list):
        return "\n".join(map(str, traceback)) + "\n"
    return ""
