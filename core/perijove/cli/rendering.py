"""What a record looks like in a log."""

from __future__ import annotations

from typing import Any

from perijove.code import describe_size
from perijove.model.records import LogRecord, OutputRecord, Record

STREAMS = ("stdout", "stderr", "system")


def text_of(record: Record) -> str:
    """Return the text a record adds to the log; empty for records that are not part of it."""
    if isinstance(record, LogRecord):
        return record.text
    if isinstance(record, OutputRecord):
        return _output(record)
    return ""


def stream_of(record: Record) -> str:
    """Return which of `STREAMS` a record's text continues; a display counts as printed."""
    stream = "stdout"
    if isinstance(record, LogRecord):
        stream = record.stream
    elif isinstance(record, OutputRecord) and record.message == "stream":
        stream = str((record.content or {}).get("name"))
    return stream if stream in STREAMS else "stdout"


def _output(record: OutputRecord) -> str:
    content = record.content
    if content is None:
        return f"[{record.message}: too large to show here; it is in the executed notebook]\n"
    if record.message == "stream":
        return _joined(content.get("text", ""))
    if record.message == "error":
        lines = content.get("traceback") or [f"{content.get('ename')}: {content.get('evalue')}"]
        return "\n".join(map(str, lines)) + "\n"
    if record.message in {"display_data", "execute_result"}:
        return _bundle(content.get("data", {}))
    return ""


def _bundle(data: dict[str, Any]) -> str:
    """Return a display in words: an image by its type and size, anything else by its plain text."""
    for media_type, value in data.items():
        if media_type.startswith("image/"):
            encoded = media_type != "image/svg+xml"
            size = len(_joined(value)) * 3 // 4 if encoded else len(_joined(value))
            return f"[{media_type}, {describe_size(size)}]\n"
    if "text/plain" in data:
        return _joined(data["text/plain"]) + "\n"
    return f"[{next(iter(data), 'an empty display')}]\n"


def _joined(value: Any) -> str:
    """Return multi-line text, which notebooks may hold as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
