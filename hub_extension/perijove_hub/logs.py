"""Structured logs: each line says which request and which execution it is about."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
execution_id: ContextVar[str] = ContextVar("execution_id", default="")
user_name: ContextVar[str] = ContextVar("user_name", default="")

_CONTEXT = {"request": request_id, "execution": execution_id, "user": user_name}


class _StructuredFormatter(logging.Formatter):
    """Collects a record's fields; subclasses write them."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, tz=timezone.utc)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: value for name, variable in _CONTEXT.items() if (value := variable.get())},
        }
        if execution := getattr(record, "execution", ""):
            fields["execution"] = execution
        fields["message"] = record.getMessage()
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return self.write(fields)

    def write(self, fields: dict[str, Any]) -> str:
        """Return the line."""
        raise NotImplementedError


class KeyValueFormatter(_StructuredFormatter):
    """``time=… level=… request=… message="…"``; a traceback follows on lines of its own."""

    def write(self, fields: dict[str, Any]) -> str:
        """Return ``key=value`` pairs; values with spaces or quotes are quoted as JSON strings."""
        traceback = fields.pop("traceback", "")
        line = " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())
        return f"{line}\n{traceback}" if traceback else line


class JsonFormatter(_StructuredFormatter):
    """One JSON object a line."""

    def write(self, fields: dict[str, Any]) -> str:
        """Return the object."""
        return _json(fields)


FORMATS: dict[str, type[logging.Formatter]] = {"keyvalue": KeyValueFormatter, "json": JsonFormatter}


def set_up(form: str, level: str) -> None:
    """Send everything to standard error in one of `FORMATS`."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(int(level) if level.isdecimal() else level)


def _quoted(text: str) -> str:
    plain = text and all(char.isprintable() and char not in ' "=' for char in text)
    return text if plain else _json(text)


def _json(value: Any) -> str:
    """Return a value as JSON on one line, with whatever a terminal or an editor would act on written as an escape."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
