"""The steps of a conversion, as nbconvert's preprocessors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nbconvert.exporters.exporter import Exporter
from nbconvert.preprocessors import ClearMetadataPreprocessor, Preprocessor
from nbformat import NotebookNode

#: Cell metadata that say what a cell is, not when it ran or how it was last looked at.
_CELL_METADATA = frozenset({"tags", "name", "jupyter", "slideshow", "editable", "deletable", "format", "raw_mimetype"})
_NOTEBOOK_METADATA = frozenset({"kernelspec", "language_info"})
_Step = tuple[NotebookNode, dict[str, Any]]


class KeepCells(Preprocessor):
    """Keeps the cells of the given ids, in the notebook's order.

    Parameters
    ----------
    ids : collection of str
        The cells to keep.
    """

    def __init__(self, ids: Collection[str]) -> None:
        super().__init__(enabled=True)
        self.ids = frozenset(ids)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Step:
        """Drop all other cells."""
        nb.cells = [cell for cell in nb.cells if cell.id in self.ids]
        return nb, resources


class KeepLastingMetadata(ClearMetadataPreprocessor):
    """Drops the metadata that change without the notebook's code changing, so that its digest stays the same."""

    def __init__(self) -> None:
        super().__init__(
            enabled=True,
            preserve_cell_metadata_mask=set(_CELL_METADATA),
            preserve_nb_metadata_mask=set(_NOTEBOOK_METADATA),
        )

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> _Step:
        """Drop the notebook's, and of the language's the version that last ran it."""
        nb, resources = super().preprocess(nb, resources)
        nb.metadata.get("language_info", {}).pop("version", None)
        return nb, resources

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> _Step:
        """Drop a cell's; text cells are no exception."""
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in _CELL_METADATA}
        return cell, resources


class ConversionExporter(Exporter):
    """Runs the given preprocessors and none of nbconvert's own accord; validates once, at the end."""

    optimistic_validation = True
    default_preprocessors: list[Any] = []

    def __init__(self, steps: list[Preprocessor]) -> None:
        super().__init__()
        for step in steps:
            self.register_preprocessor(step)
