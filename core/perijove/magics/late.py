"""Outputs too large for the live stream: a note stands in their place until the executed notebook has them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from perijove.model.records import INLINE_LIMIT

_NOTE = {"text/plain": "[A large output: it is shown when the cell has ended.]"}
#: A message says more around its data than the notebook keeps of it.
_AROUND = 512


class LateOutputs:
    """Remembers which notes stand for which outputs.

    Parameters
    ----------
    publisher : IPython.core.displaypub.DisplayPublisher
        Where outputs are shown.
    """

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._notes: dict[str, list[str]] = {}

    @property
    def waiting(self) -> bool:
        """Whether any note stands."""
        return any(self._notes.values())

    def note(self, cell: str) -> None:
        """Show a note for an output of `cell`."""
        display_id = uuid.uuid4().hex
        self._notes.setdefault(cell, []).append(display_id)
        self._publisher.publish(dict(_NOTE), {}, transient={"display_id": display_id})

    def clear(self, cell: str) -> None:
        """Forget the notes of a cell whose output was cleared."""
        self._notes.pop(cell, None)

    def fill(self, notebook: Mapping[str, Any]) -> None:
        """Put the outputs in the notes' places.

        Where a cell has not as many large outputs as notes, such as after updates, which is whose cannot be told, and
        its notes stay.
        """
        for cell in notebook["cells"]:
            notes, found = self._notes.pop(cell.get("id"), []), [*_large(cell)]
            if len(notes) == len(found):
                for display_id, output in zip(notes, found, strict=True):
                    transient = {"display_id": display_id}
                    self._publisher.publish(output["data"], output["metadata"], transient=transient, update=True)


def _large(cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", ()):
        if output["output_type"] in {"display_data", "execute_result"}:
            text = json.dumps([output["data"], output["metadata"]], ensure_ascii=False, separators=(",", ":"))
            if len(text.encode()) + _AROUND > INLINE_LIMIT:
                yield output
