"""Puts parameters into command lines, the way valohai does (https://docs.valohai.com, "Parameters")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from shlex import quote

from perijove.model.spec import ParameterValue

_PLACE = re.compile(r"\{(parameters|params|parameter:[^{}]+|parameter-value:[^{}]+)\}")


def interpolate(line: str, parameters: Mapping[str, ParameterValue]) -> str:
    """Return `line` with its placeholders replaced; every value is quoted for the shell.

    ``{parameters}`` becomes all of them and ``{parameter:name}`` one, as ``--name=value``; ``{parameter-value:name}``
    becomes the bare value. A list repeats its option, true becomes ``--name``, false and null become nothing. A
    placeholder of an unknown parameter, and any other brace, is left alone: it may be the shell's.

    Examples
    --------
    >>> interpolate("train.py {parameters}", {"epochs": 5, "name": "a b"})
    "train.py --epochs=5 '--name=a b'"
    """

    def replacement(match: re.Match[str]) -> str:
        kind, _, name = match.group(1).partition(":")
        if not name:
            return " ".join(quote(option) for key, value in parameters.items() for option in _options(key, value))
        if name not in parameters:
            return match.group(0)
        if kind == "parameter-value":
            return quote(_text(parameters[name]))
        return " ".join(quote(option) for option in _options(name, parameters[name]))

    return _PLACE.sub(replacement, line)


def _options(name: str, value: ParameterValue) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is False or value is None:
        return []
    if isinstance(value, list):
        return [f"--{name}={_text(item)}" for item in value]
    return [f"--{name}={_text(value)}"]


def _text(value: ParameterValue) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
