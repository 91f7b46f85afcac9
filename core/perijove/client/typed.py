"""Parameter values as text, as they are typed where nothing declares their types."""

from __future__ import annotations

import json
from typing import Any

_PYTHON_WORDS = {"True": True, "False": False, "None": None}


def value_of(text: str) -> Any:
    """Return what a value on the command line means: JSON where it is JSON, else the text itself.

    Examples
    --------
    >>> value_of("0.5"), value_of("[1, 2]"), value_of("adam"), value_of('"12"')
    (0.5, [1, 2], 'adam', '12')
    """
    if text in _PYTHON_WORDS:
        return _PYTHON_WORDS[text]
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
