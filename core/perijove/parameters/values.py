"""Checks the values a person gives for a notebook's parameters."""

from __future__ import annotations

import ast
import difflib
import json
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from perijove import errors, yaml12
from perijove.parameters.declarations import Parameter
from perijove.safe_json import text_of

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NONE = {"none", "null"}
#: Names that a refusal lists; characters of a value that it shows; characters and brackets of a value in YAML.
_NAMED, _SHOWN, _TYPED, _NESTED = 50, 200, 16 * 1024, 500


class Text(str):
    """A value that was typed on a command line: where its type is not declared, it may stand for a number."""

    __slots__ = ()


def check_parameters(declared: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given values with the types that are declared.

    Text is read as the declared type; where none is declared, only `Text` is, as papermill's command line reads it.

    Parameters
    ----------
    declared : sequence of Parameter
        The notebook's parameters. If there are none, every name is allowed.
    given : mapping
        Values by name.

    Raises
    ------
    perijove.errors.InvalidParameter
        A name is not declared, or a value is not of its type.
    """
    known = {parameter.name: parameter for parameter in declared}
    return {name: _checked(_known(name, known), value) for name, value in given.items()}


def _known(name: str, known: dict[str, Parameter]) -> Parameter:
    if not known:
        return Parameter(name, nullable=True)
    if name in known:
        return known[name]
    names = list(islice(known, _NAMED))
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else ""
    more = ", …" if len(known) > len(names) else ""
    raise errors.InvalidParameter(
        f"The notebook has no parameter {name!r}.", f"{hint} It has: {', '.join(names)}{more}.".strip()
    )


def _checked(parameter: Parameter, value: Any) -> Any:
    if value is None or (isinstance(value, Text) and parameter.nullable and value.lower() in _NONE):
        if parameter.nullable or not parameter.type:
            return None
        raise _wrong(parameter, value)
    if not parameter.type:
        return _plain(parameter, _guess(value) if isinstance(value, Text) else value)
    try:
        return _plain(parameter, _READERS[parameter.type](value))
    except (ValueError, TypeError, OverflowError):
        raise _wrong(parameter, value) from None


def _wrong(parameter: Parameter, value: Any) -> errors.InvalidParameter:
    is_inferred = parameter.type == "int" and not parameter.annotated
    other = f", or declare it as '{parameter.name}: float' to allow fractions" if is_inferred else ""
    return errors.InvalidParameter(
        f"The parameter {parameter.name!r} takes {_ARTICLES[parameter.type]}, not {_short(value)!r}.",
        f"Its default is {parameter.default!r}; give a value of that kind{other}.",
    )


def _plain(parameter: Parameter, value: Any) -> Any:
    """Return `value` as JSON has it; what JSON can't say can't be sent."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise errors.InvalidParameter(
            f"The value of {parameter.name!r} can't be sent: {_short(value)!r}.",
            "Give finite numbers, text, True or False, None, lists and dictionaries.",
        ) from None


def _short(value: Any) -> str:
    text = text_of(value) if isinstance(value, str | int | float) else repr(type(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _guess(text: str) -> Any:
    if text.lower() in _NONE:
        return None
    if text in {"True", "true", "False", "false"}:
        return text.lower() == "true"
    with suppress(ValueError):
        return int(text)
    with suppress(ValueError):
        return float(text)
    return str(text)


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError
    if isinstance(value, numbers.Integral):
        return int(value)
    if not float(value).is_integer():
        raise ValueError
    return int(float(value))


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, numbers.Real)):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _bool(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if not isinstance(value, bool):
        raise TypeError
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _structure(text: str) -> Any:
    """Return what text stands for: JSON, a Python literal, as a cell would have it, or else YAML."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    if text.lstrip().startswith(("[", "{", "(")):
        with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return ast.literal_eval(text.strip())
    # YAML's reader takes the square of the nesting's time.
    if len(text) > _TYPED or sum(map(text.count, "[{&*")) > _NESTED:
        raise ValueError
    return yaml12.load(text)


def _list(value: Any) -> list[Any]:
    found = _structure(value) if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise TypeError
    return list(found)


def _dict(value: Any) -> dict[str, Any]:
    found = _structure(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise TypeError
    return found


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": _str,
    "list": _list,
    "dict": _dict,
}
_ARTICLES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list such as [1, 2]",
    "dict": "a dictionary such as {a: 1}",
}
