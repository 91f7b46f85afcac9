"""Variables as one pickle: written while counting, so that too much is noticed before it is held twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import cloudpickle

from perijove.errors import TooLarge
from perijove.magics.culprits import explain
from perijove.model.sizes import describe_size

#: The most bytes the variables of one cell may have together.
LIMIT = 256 << 20
_HINT = "Send less of it, or write it to a file the worker can read, and name that as an input of the run."


class _Full(Exception):
    """The limit is reached."""


class _Counting:
    """A file of at most `limit` bytes; without a file behind it, it only counts."""

    def __init__(self, limit: int, file: BinaryIO | None = None) -> None:
        self.size = 0
        self._limit = limit
        self._file = file

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        self.size += length
        if self.size > self._limit:
            raise _Full
        if self._file is not None:
            self._file.write(data)
        return length


def write_variables(values: Mapping[str, Any], path: Path, limit: int = LIMIT) -> int:
    """Pickle variables into the file `path`, together, so that what they share stays shared; return its size.

    Raises
    ------
    perijove.magics.failures.UnpicklableVariable
        One can't be pickled; the sentence names it, and what in it is the cause.
    perijove.errors.TooLarge
        They are larger than `limit` bytes; the sentence names the largest.
    """
    with path.open("wb") as file:
        sink = _Counting(limit, file)
        try:
            cloudpickle.dump(dict(values), sink)
        except _Full:
            raise _too_large(values, limit) from None
        except Exception as error:  # noqa: BLE001 - an object's own pickling code may raise anything
            raise explain(values, error) from None
    return sink.size


def _too_large(values: Mapping[str, Any], limit: int) -> TooLarge:
    sizes = {name: _size(value, limit) for name, value in values.items()}
    name = max(sizes, key=lambda name: (sizes[name], name))
    size = f"more than {describe_size(limit)}" if sizes[name] > limit else describe_size(sizes[name])
    most = f"{name!r} alone has" if sizes[name] > limit or len(sizes) == 1 else f"the largest, {name!r}, has"
    return TooLarge(f"The variables are larger than the limit of {describe_size(limit)}: {most} {size}.", _HINT)


def _size(value: Any, limit: int) -> int:
    sink = _Counting(limit)
    try:
        cloudpickle.dump(value, sink)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it was written this far
        return sink.size
    return sink.size
