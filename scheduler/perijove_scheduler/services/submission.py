"""What stands between a request and a new execution: every check, and only then the first write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from perijove.errors import (
    ImageNotSupported,
    InvalidNotebook,
    InvalidSpec,
    UnknownCode,
    UnknownDatum,
    UnknownGroup,
    UnknownProject,
)
from perijove.model.resources import GroupSettings, Role
from perijove.model.spec import Notebook, Spec
from perijove_scheduler.files.protocol import Files, notebook_key
from perijove_scheduler.policies.sizes import capacity, need
from perijove_scheduler.services import documents
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.documents import Document
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.store.documents import plain
from perijove_scheduler.store.executions import NewExecution
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store

_DATUM = "datum://"


@dataclass(frozen=True)
class Request:
    """An execution that a caller asks for; `key` is their Idempotency-Key, `digest` says what was asked with it."""

    project: str | None
    spec: Spec
    notebook: dict[str, Any] | None = None
    key: str | None = None
    digest: str = ""


def may_use(caller: Caller, settings: GroupSettings) -> bool:
    """Return whether a group is the caller's to use."""
    return caller.admin or not settings.owners or not caller.groups.isdisjoint(settings.owners)


class Submission:
    """Checks requests and writes what passes."""

    def __init__(self, store: Store, files: Files, access: Access, leftovers: Leftovers, limits: Limits) -> None:
        self._store = store
        self._files = files
        self._access = access
        self._leftovers = leftovers
        self._limits = limits

    async def submit(self, caller: Caller, request: Request) -> str:
        """Make an execution; return its id. A request that is refused has written nothing.

        Raises `perijove_scheduler.store.executions.KeyUsed` when its Idempotency-Key was used meanwhile.
        """
        spec = request.spec
        _check_values(spec)
        project = await self._project(caller, request.project)
        await self._check_group(caller, spec)
        await self._check_code(project, spec)
        await self._check_inputs(caller, spec)
        sent = await self._document(caller, request)
        spec, document = await self._with_parameters(spec, request.notebook, sent)
        owned = project or await self._access.make_personal(caller)
        return await self._write(caller, request, spec, owned, document)

    async def _project(self, caller: Caller, ref: str | None) -> FoundProject | None:
        """Return the project; None stands for a personal one that is not made before all else has passed."""
        if ref is None:
            return await self._access.personal(caller)
        return await self._access.project(caller, ref, Role.MEMBER)

    async def _check_group(self, caller: Caller, spec: Spec) -> None:
        settings = await self._store.groups.settings(spec.group)
        if settings is None or not may_use(caller, settings):
            raise UnknownGroup(f"There is no worker group named {spec.group} that you may use.")
        if spec.image is not None and settings.runtime == "process":
            raise ImageNotSupported
        if not capacity(settings.capacity).holds(need(spec.resources)):
            offered = settings.capacity
            memory = f", {offered.memory:,} bytes of memory" if offered.memory else ""
            raise InvalidSpec(
                f"A worker of group {spec.group} has {offered.cpus:g} CPUs{memory} and {offered.gpus} GPUs.",
                "Ask for less, or choose a group with larger machines.",
            )

    async def _check_code(self, project: FoundProject | None, spec: Spec) -> None:
        if spec.code is None:
            return
        if project is None or await self._store.code.get(project.row.id, spec.code) is None:
            raise UnknownCode

    async def _check_inputs(self, caller: Caller, spec: Spec) -> None:
        data = {uri.removeprefix(_DATUM) for item in spec.inputs for uri in item.uris if uri.startswith(_DATUM)}
        if data and (unknown := data - await self._store.data.visible(caller.viewer, sorted(data))):
            raise UnknownDatum(f"There is no datum {min(unknown)}, or it is not yours to see.")

    async def _document(self, caller: Caller, request: Request) -> Document | None:
        """Return the document to store; None for a command, and for a document that is stored already."""
        notebook = request.spec.notebook
        if notebook is None:
            if request.notebook is not None:
                raise InvalidSpec("A notebook document was sent along with a command.")
            return None
        if request.notebook is not None:
            document = await documents.checked(request.notebook, self._limits.notebook_limit)
            if notebook.sha256 not in (None, document.sha256):
                raise InvalidNotebook("The notebook's sha256 is not that of the document that was sent.")
            documents.check_cells(request.notebook, notebook.cells)
            return document
        if notebook.sha256 is None:
            raise InvalidNotebook("No notebook document was sent.")
        if not await self._store.executions.sees_notebook(caller.viewer, notebook.sha256):
            raise InvalidNotebook("There is no stored document of that sha256, or it is not yours to see.")
        return None

    async def _with_parameters(
        self, spec: Spec, notebook: dict[str, Any] | None, document: Document | None
    ) -> tuple[Spec, Document | None]:
        """Return the spec and the document that runs: with the parameters checked and set in it.

        A copy sends no document: its parameters are set in the stored one.
        """
        chosen = spec.notebook
        if chosen is None:
            return spec, None
        if spec.parameters:
            content = notebook if notebook is not None else await self._stored(chosen)
            limit = self._limits.notebook_limit
            document, values = await documents.with_parameters(content, chosen, spec.parameters, limit)
            spec = spec.model_copy(update={"parameters": values})
        if document is None:
            return spec, None
        chosen = chosen.model_copy(update={"sha256": document.sha256})
        return spec.model_copy(update={"notebook": chosen}), document

    async def _stored(self, notebook: Notebook) -> dict[str, Any]:
        if notebook.sha256 is None:
            raise InvalidNotebook("No notebook document was sent.")
        body = b"".join([chunk async for chunk in self._files.get(notebook_key(notebook.sha256))])
        stored: dict[str, Any] = json.loads(body)
        return stored

    async def _write(
        self, caller: Caller, request: Request, spec: Spec, project: FoundProject, document: Document | None
    ) -> str:
        sha256 = spec.notebook.sha256 if spec.notebook else None
        new = _new(caller, request, spec, project)
        async with self._leftovers.holding(sha256):
            try:
                if document is not None:
                    await self._files.put(notebook_key(document.sha256), _one(document.body))
                return await self._insert(new)
            except BaseException:
                if document is not None:
                    await self._leftovers.of_notebook(document.sha256)
                raise

    async def _insert(self, new: NewExecution) -> str:
        execution = await self._store.executions.create(new)
        if execution is None:  # the project was deleted meanwhile
            raise UnknownProject
        return execution


def _check_values(spec: Spec) -> None:
    document = spec.as_json()
    if plain(document) != document:
        raise InvalidSpec("A value holds a NUL character, half of a surrogate pair, or a number such as NaN.")


def _new(caller: Caller, request: Request, spec: Spec, project: FoundProject) -> NewExecution:
    return NewExecution(
        project=project.row.id,
        owner=caller.name,
        group=spec.group,
        priority=spec.priority,
        retries=spec.retries,
        title=spec.title,
        code=spec.code,
        notebook=spec.notebook.sha256 if spec.notebook else None,
        spec=spec.as_json(),
        tags=spec.tags,
        key=request.key,
        request_sha256=request.digest,
    )


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body
