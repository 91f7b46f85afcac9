"""Submitting a document, and what the page is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from perijove.client.submit import Advance, Chosen, Noted
from perijove_server.documents import Document

if TYPE_CHECKING:
    from perijove.client import AsyncClient


async def send(client: AsyncClient, document: Document, file: Path, origin: str) -> dict[str, Any]:
    """Submit a document and return `{execution, cells, notes}`.

    Parameters
    ----------
    file : Path
        Where the document lies.
    origin : str
        The same below the folder that JupyterLab shows.

    Raises
    ------
    perijove.errors.PerijoveError
        It cannot be run; nothing was created.
    """
    cells: list[str] = []
    notes: list[str] = []

    def report(advance: Advance) -> None:
        match advance:
            case Chosen(running):
                cells.extend(running)
            case Noted(sentence):
                notes.append(sentence)

    execution = await client.submit(document.submission(file, origin), report)
    return {"execution": execution.model_dump(mode="json", by_alias=True), "cells": cells, "notes": notes}
