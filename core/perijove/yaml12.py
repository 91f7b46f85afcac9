"""YAML as its core schema has it (https://yaml.org/spec/1.2.2/#103-core-schema): every value has a form in JSON.

YAML 1.1, which PyYAML reads by itself, takes ``no`` for false, ``12:30:45`` for 45,045, ``0123`` for 83 and a date for
an object that JSON does not have.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from yamlcore import CoreLoader  # type: ignore[import-untyped]

from perijove.safe_json import METADATA, Bounds, fits

#: What a document may hold. An alias may stand in itself, or for millions of values in a few lines.
_BOUNDS = Bounds(depth=METADATA.depth, values=1_000_000, characters=64 * 1024 * 1024)


def load(text: str) -> Any:
    """Return a document's value, as JSON has it.

    Raises
    ------
    ValueError
        It is not YAML, or it holds what JSON has no form for; the message says which, in a sentence.
    """
    try:
        value = yaml.load(text, Loader=CoreLoader)  # noqa: S506 - it makes nothing but JSON's values
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"It is not YAML: {place}{error.problem}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # A number of thousands of digits, or nesting without end.
        raise ValueError(f"It is not YAML that can be read: {str(error).splitlines()[0]}.") from error
    if not fits(value, _BOUNDS):
        raise ValueError(f"It is nested more than {_BOUNDS.depth} deep, or too large.")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("It holds a value that JSON has no form for, such as .nan or .inf.") from None
    return value
