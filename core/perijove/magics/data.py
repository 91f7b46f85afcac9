"""Variables as plain data: JSON, .npy and Arrow in a zip file. Reading it runs nothing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perijove.magics.failures import UnreadableResults


def read_data(path: Path) -> dict[str, Any]:
    """Return the variables in the file `path`, by name.

    A list, a dictionary, a text, a number, True, False or None comes as such, and a tuple as a list. An array or a
    number of NumPy's needs NumPy here, and a table pyarrow; it is a data frame where pandas is installed.

    Raises
    ------
    perijove.magics.failures.UnreadableResults
        It is not such a file, or needs a package that is not here.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_variable(archive, member) for member in archive.infolist())
    except ImportError as error:
        raise UnreadableResults(f"The variables can't be read here: {error}.", "Install it here.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, MemoryError, OSError) as error:
        raise UnreadableResults(f"The variables can't be read here: {type(error).__name__}: {error}.") from error


def _variable(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, Any]:
    # Nothing is compressed, so that what is read is not larger than what was fetched.
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    name, _, kind = member.filename.rpartition(".")
    return name, _READERS[kind](archive.read(member))


def _array(content: bytes) -> Any:
    import numpy  # noqa: PLC0415 - only who sent an array need have it

    # The empty index makes a number of an array without dimensions, as which .npy keeps one.
    return numpy.load(io.BytesIO(content), allow_pickle=False)[()]


def _table(content: bytes) -> Any:
    import pyarrow  # noqa: PLC0415 - only who sent a table need have it

    try:
        table = pyarrow.ipc.open_file(content).read_all()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error
    try:
        return table.to_pandas()
    except ImportError:
        return table


_READERS: dict[str, Callable[[bytes], Any]] = {"json": json.loads, "npy": _array, "arrow": _table}
