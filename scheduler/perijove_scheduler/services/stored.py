"""The documents that specs name: outlined once each, however many executions run one, and with any parameters."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from perijove.aio.executors import DOCUMENTS
from perijove.errors import InvalidNotebook, NotFound, PerijoveError
from perijove_scheduler.documents import Outline, outline, typed
from perijove_scheduler.files.protocol import Files, notebook_key

#: Bytes, and sets of parameters, that are read on the event loop; more is read by a process.
INLINE, _SETS = 32 * 1024, 100
#: Outlines that are remembered, and how many parameters one may have to be.
_REMEMBERED, _FEW = 256, 200


class StoredDocuments:
    """Reads stored documents' outlines, and checks parameters against outlines."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: OrderedDict[str, Outline] = OrderedDict()

    async def check(self, sha256: str) -> None:
        """Check that a document's object is there.

        Raises
        ------
        perijove.errors.InvalidNotebook
            It was lost, or removed just now.
        """
        if await self._files.stat(notebook_key(sha256)) is None:
            raise _gone()

    async def outline(self, sha256: str) -> Outline:
        """Return the outline of a stored document.

        Raises
        ------
        perijove.errors.InvalidNotebook
            Its object was lost, or removed just now.
        """
        if sha256 in self._known:
            self._known.move_to_end(sha256)
            return self._known[sha256]
        try:
            body = b"".join([chunk async for chunk in self._files.get(notebook_key(sha256))])
        except NotFound as error:
            raise _gone() from error
        found = outline(body) if len(body) <= INLINE else await DOCUMENTS.run(outline, body)
        if len(found.declared) <= _FEW:
            self._known[sha256] = found
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def typed(
        self, found: Outline, kernel: str, given: Sequence[Mapping[str, Any]]
    ) -> tuple[list[dict[str, Any]], PerijoveError | None]:
        """Return sets of parameters with their types; see `perijove_scheduler.documents.typed`."""
        is_little = len(given) <= _SETS and sum(len(json.dumps(values)) for values in given) <= INLINE
        # Other languages' translators are papermill's, which takes long to import.
        if is_little and found.is_python(kernel):
            return typed(found, kernel, given)
        return await DOCUMENTS.run(typed, found, kernel, given)


def _gone() -> InvalidNotebook:
    return InvalidNotebook(
        "The notebook document is not in the store any more.", "Run the notebook itself again: that stores it anew."
    )
