"""Prepares an attempt: code, document and inputs at the same time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perijove import errors
from perijove.aio.executors import COMPUTING, FILES
from perijove.model.events import ObjectRequest
from perijove.model.reasons import Reason
from perijove.model.spec import Notebook
from perijove.model.tickets import Ticket
from perijove.parameters import inject
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.folders import AttemptFolders
from perijove_agent.staging.code import lay_out_code
from perijove_agent.staging.config import InputFile, write_config
from perijove_agent.tasks import together
from perijove_agent.tools import Tools
from perijove_agent.variables import work_variables


@dataclass(frozen=True)
class Prepared:
    """What work starts with.

    Attributes
    ----------
    folder : Path
        The working folder.
    environment : dict
        The work's whole environment.
    document : dict, optional
        The notebook document that runs.
    """

    folder: Path
    environment: dict[str, str]
    document: dict[str, Any] | None = None


async def prepare(tools: Tools, ticket: Ticket, held: Held, folders: AttemptFolders) -> Prepared:
    """Prepare an attempt's folders and everything in them.

    Raises
    ------
    perijove_agent.ending.Failure
        With `Reason.CODE_FAILED`, `Reason.INPUT_FAILED`, or `Reason.IMAGE_FAILED` for a runtime it does not have.
    """
    if ticket.spec.image is not None:
        raise Failure(Reason.IMAGE_FAILED, "This worker runs no containers, so it cannot run an image.")
    # What an earlier try of this attempt left may be much.
    await FILES.run(folders.create)
    steps = _Steps(tools, ticket, held, folders)
    await together([steps.code(), steps.prepare_document(), steps.fetch_inputs()])
    await COMPUTING.run(write_config, folders.config, ticket, steps.files)
    folder = folders.repository
    if ticket.spec.notebook:
        folder = (folder / ticket.spec.notebook.path).parent
        folder.mkdir(parents=True, exist_ok=True)
    return Prepared(folder, work_variables(ticket, folders, tools.environment), steps.document)


class _Steps:
    def __init__(self, tools: Tools, ticket: Ticket, held: Held, folders: AttemptFolders) -> None:
        self._tools = tools
        self._ticket = ticket
        self._held = held
        self._folders = folders
        self.document: dict[str, Any] | None = None
        self.files: list[InputFile] = []

    async def code(self) -> None:
        code = self._ticket.spec.code
        if code:
            limit = self._tools.settings.code_limit
            await lay_out_code(self._tools.source, self._held, code, self._folders, limit)

    async def fetch_inputs(self) -> None:
        if inputs := self._ticket.spec.inputs:
            self.files = await self._tools.inputs.fetch(self._held, inputs, self._folders.inputs)

    async def prepare_document(self) -> None:
        """Set the parameters in the document; it is the same for all executions that run it with others."""
        notebook, values = self._ticket.spec.notebook, self._ticket.spec.parameters
        if notebook is None:
            return
        document = self._ticket.notebook or await self._fetched(notebook)
        try:
            self.document = await COMPUTING.run(inject, document, values, notebook.kernel or "")
        except errors.InvalidParameter as error:
            raise Failure(Reason.CODE_FAILED, f"The parameters could not be set: {error}") from error

    async def _fetched(self, notebook: Notebook) -> dict[str, Any]:
        digest = notebook.sha256 or ""
        request = ObjectRequest(what="notebook", name=digest, sha256=notebook.sha256)
        try:
            source = self._tools.source
            async with source.fetched(self._held, f"notebook-{digest}", request, "notebook.ipynb") as file:
                document: dict[str, Any] = await COMPUTING.run(_read, file.path)
        except (errors.PerijoveError, OSError, ValueError) as error:
            raise Failure(Reason.CODE_FAILED, f"The notebook could not be fetched: {error}") from error
        return document


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
