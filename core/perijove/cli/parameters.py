"""Parameters and the like, as they are written on a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from perijove import yaml12

_SIZE = re.compile(r"^(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(?:i?B)?$", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    """Return the two halves of every ``name=value``."""
    halves = [text.partition("=") for text in texts]
    for name, equals, _ in halves:
        if not (name and equals):
            raise click.UsageError(f"{option} takes name=value, not '{name}'.")
    return [(name, value) for name, _, value in halves]


def from_file(file: Path | None) -> dict[str, Any]:
    """Return the parameters of a YAML or JSON file."""
    return _from_file(file) if file else {}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        values = yaml12.load(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.UsageError(f"{file} cannot be used. {error}") from None
    if not isinstance(values, dict):
        raise click.UsageError(f"{file} must hold a mapping of parameter names to values.")
    return values


def inputs(given: Iterable[str]) -> dict[str, list[str]]:
    """Return the URIs of every input; a name that is given again adds to it."""
    found: dict[str, list[str]] = {}
    for name, uri in pairs(given, "--input"):
        found.setdefault(name, []).append(uri)
    return found


def seconds(_context: click.Context, _parameter: click.Parameter, hours: float) -> int:
    """Return hours as whole seconds, at least one."""
    if math.isnan(hours):  # it is in every range
        raise click.BadParameter("'nan' is not a number of hours.")
    return max(1, int(hours * 3600))


def memory(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Return a number of bytes written as ``512M`` or ``4G``."""
    if text is None:
        return None
    match = _SIZE.match(text.strip())
    if match is None:
        raise click.BadParameter(f"'{text}' is not a size such as 512M or 4G.")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].upper()])
