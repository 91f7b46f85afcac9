"""YAML as its core schema has it (https://yaml.org/spec/1.2.2/#103-core-schema): every value has a form in JSON.

YAML 1.1, which PyYAML reads by itself, takes ``no`` for false, ``12:30:45`` for 45,045, ``0123`` for 83 and a date for
an object that JSON does not have.
"""

from __future__ import annotations

import json
from collections import Counter
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
        written = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        raise ValueError("It holds what JSON has no form for, such as .nan, .inf or half of a character.") from None
    # Read back, since JSON's keys are texts: 1 and "1", which YAML tells apart, are one key.
    return json.loads(written, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; the later of two with one key would replace the earlier without a word."""
    members = dict(pairs)
    if len(members) < len(pairs):
        doubled = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"It holds the key {json.dumps(doubled)} twice: in JSON every key is a text.")
    return members
