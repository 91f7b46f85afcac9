"""Notebooks: reading them, choosing cells, finding what they need, converting them to what runs.

Nothing here executes a notebook. Importing this package imports nbconvert and IPython, which takes a second: import it
where it is used.
"""

from perijove.model.canonical import digest, encode
from perijove.notebooks.conversion import Converted, convert
from perijove.notebooks.document import (
    NOTEBOOK_LIMIT,
    LoadedNotebook,
    load_notebook,
    read_notebook,
)
from perijove.notebooks.needed import LOCAL_TAGS, Needed, needed_cells
from perijove.notebooks.preparation import Prepared, path_inside, prepare
from perijove.notebooks.selection import select_cells

__all__ = [
    "LOCAL_TAGS",
    "NOTEBOOK_LIMIT",
    "Converted",
    "LoadedNotebook",
    "Needed",
    "Prepared",
    "convert",
    "digest",
    "encode",
    "load_notebook",
    "needed_cells",
    "path_inside",
    "prepare",
    "read_notebook",
    "select_cells",
]
