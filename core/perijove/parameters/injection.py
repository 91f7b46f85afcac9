"""The cell that sets parameters: written in the notebook's language, and put where papermill puts it."""

from __future__ import annotations

import hashlib
import json
import keyword
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from perijove import errors
from perijove.parameters.language import INJECTED_TAG, TAG, is_python, kernel_of, language_of, tags_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def inject(document: Mapping[str, Any], values: Mapping[str, Any], kernel: str = "") -> dict[str, Any]:
    """Return a notebook with a cell that sets `values`; `document` stays as it is, and shares its cells.

    The cell takes an earlier injected cell's place, or comes below the cell tagged ``parameters``, or at the top. Its
    id is ``injected-parameters`` unless another cell has that. Without values the notebook comes out as it is.

    Raises
    ------
    perijove.errors.InvalidParameter
        As `parameters_source` raises it.
    """
    if not values:
        return dict(document)
    cells = list(document["cells"])
    tags = [tags_of(cell) for cell in cells]
    place = next((index for index, found in enumerate(tags) if INJECTED_TAG in found), None)
    if place is not None:
        del cells[place]
    else:
        place = 1 + next((index for index, found in enumerate(tags) if TAG in found), -1)
    cells.insert(place, _cell(parameters_source(document, values, kernel), {cell.get("id") for cell in cells}))
    return {**document, "cells": cells}


def parameters_source(document: Mapping[str, Any], values: Mapping[str, Any], kernel: str = "") -> str:
    """Return the code that sets `values`, in the notebook's language, as papermill writes it.

    Other languages than Python are papermill's, which takes a second and 30 MB to import: call it beside an event loop.

    Raises
    ------
    perijove.errors.InvalidParameter
        There is no translator for the language, or it has no such type, or a name is none in it.
    """
    check_names(values, python=is_python(document, kernel))
    if is_python(document, kernel):
        return "\n".join(["# Parameters", *(f"{name} = {_python(value)}" for name, value in values.items())])
    return _translated(document, values, kernel)


def check_values(document: Mapping[str, Any], values: Mapping[str, Any], kernel: str = "") -> None:
    """Check that these values can be set in a notebook.

    Raises
    ------
    perijove.errors.InvalidParameter
        As `parameters_source` raises it.
    """
    if is_python(document, kernel):
        check_names(values)
    elif values:
        parameters_source(document, values, kernel)


def check_names(names: Iterable[str], *, python: bool = True) -> None:
    """Refuse a name that would be something else than a name once it is written into a cell."""
    for name in names:
        if not _NAME.fullmatch(name) or (python and ("." in name or keyword.iskeyword(name))):
            raise errors.InvalidParameter(f"{name!r} can't be the name of a parameter.", "Use letters, digits and '_'.")


def _cell(source: str, taken: set[Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": _fresh_id(taken),
        "metadata": {"tags": [INJECTED_TAG]},
        "outputs": [],
        "source": source,
    }


def _fresh_id(taken: set[Any]) -> str:
    """Return the injected cell's id: the same in every run of a document."""
    found = INJECTED_TAG
    while found in taken:
        found = hashlib.sha256(found.encode()).hexdigest()[:8]
    return found


def _python(value: Any) -> str:
    """Return a JSON value as a Python expression; JSON's texts are Python's."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(str(key))}: {_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def _translated(document: Mapping[str, Any], values: Mapping[str, Any], kernel: str) -> str:
    from papermill.exceptions import PapermillException  # noqa: PLC0415 - see `parameters_source`
    from papermill.translators import papermill_translators  # noqa: PLC0415

    language = language_of(document)
    try:
        translator = papermill_translators.find_translator(kernel or kernel_of(document), language)
        return str(translator.codify(dict(values))).rstrip("\n")
    except PapermillException:
        raise errors.InvalidParameter(
            f"Parameters can't be set in a notebook in {language}: papermill doesn't know the language.",
            "Set them in the notebook itself.",
        ) from None
    except NotImplementedError as error:
        raise errors.InvalidParameter(
            f"A value can't be written in {language}: {error}.", "Give numbers or text."
        ) from None
