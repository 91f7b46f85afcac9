"""What stands between a request and new executions: every check, and only then the first write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from perijove.errors import InvalidNotebook, InvalidSpec, PerijoveError, UnknownCode, UnknownProject
from perijove.model.resources import Role
from perijove.model.spec import Notebook, Spec
from perijove_scheduler.files.protocol import Files, notebook_key
from perijove_scheduler.services import documents
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.checks import Checks, data_of
from perijove_scheduler.services.documents import Document
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.store.executions import Made, NewExecution, SourceGone
from perijove_scheduler.store.idempotency import Claim
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store

#: Specs of a batch that are checked before others get a turn.
_IN_ONE_GO = 200


@dataclass(frozen=True)
class Request:
    """The executions that a caller asks for; `claim` is their Idempotency-Key.

    `batch` says whether a refusal names the place of the spec that it is about. `notebook` is the document of every
    spec that names none by its digest.
    """

    project: str | None
    specs: Sequence[Spec]
    notebook: dict[str, Any] | None = None
    claim: Claim | None = None
    batch: bool = False


@dataclass(frozen=True)
class _Accepted:
    """A spec that has passed, as it will be stored, and the document to store with it."""

    spec: Spec
    document: Document | None


class Submission:
    """Checks requests and writes what passes."""

    def __init__(self, store: Store, files: Files, access: Access, leftovers: Leftovers, limits: Limits) -> None:
        self._store = store
        self._files = files
        self._access = access
        self._leftovers = leftovers
        self._limits = limits

    async def submit(self, caller: Caller, request: Request) -> list[Made]:
        """Make all executions; a request that is refused has written nothing.

        Raises `perijove_scheduler.store.idempotency.KeyUsed` when its Idempotency-Key was used meanwhile.
        """
        project = await self._project(caller, request.project)
        checks = Checks(self._store, self._files, caller, project)
        sent: Document | None = None
        accepted = []
        for place, spec in enumerate(request.specs):
            if place % _IN_ONE_GO == _IN_ONE_GO - 1:
                await asyncio.sleep(0)
            try:
                await checks.spec(spec)
                if sent is None and request.notebook is not None and spec.notebook is not None:
                    sent = await documents.checked(request.notebook, self._limits.notebook_limit)
                stored = await self._document(caller, spec, request, sent)
                accepted.append(await self._with_parameters(spec, request.notebook, stored))
            except PerijoveError as error:
                raise (_at(place, error) if request.batch else error) from error
        owned = project or await self._access.make_personal(caller)
        return await self._write(caller, request, accepted, owned)

    async def _project(self, caller: Caller, ref: str | None) -> FoundProject | None:
        """Return the project; None stands for a personal one that is not made before all else has passed."""
        if ref is None:
            return await self._access.personal(caller)
        return await self._access.project(caller, ref, Role.MEMBER)

    async def _document(self, caller: Caller, spec: Spec, request: Request, sent: Document | None) -> Document | None:
        """Return the document to store; None for a command, and for a document that is stored already."""
        notebook = spec.notebook
        if notebook is None:
            if request.notebook is not None and not request.batch:
                raise InvalidSpec("A notebook document was sent along with a command.")
            return None
        if sent is not None and request.notebook is not None and not (request.batch and notebook.sha256):
            if notebook.sha256 not in {None, sent.sha256}:
                raise InvalidNotebook("The notebook's sha256 is not that of the document that was sent.")
            documents.check_cells(request.notebook, notebook.cells)
            return sent
        if notebook.sha256 is None:
            raise InvalidNotebook("No notebook document was sent.")
        if not await self._store.executions.sees_notebook(caller.viewer, notebook.sha256):
            raise InvalidNotebook("There is no stored document of that sha256, or it is not yours to see.")
        return None

    async def _with_parameters(
        self, spec: Spec, notebook: dict[str, Any] | None, document: Document | None
    ) -> _Accepted:
        """Return the spec and the document that runs: with the parameters checked and set in it.

        A copy sends no document: its parameters are set in the stored one.
        """
        chosen = spec.notebook
        if chosen is None:
            return _Accepted(spec, None)
        if spec.parameters:
            content = notebook if document is not None and notebook is not None else await self._stored(chosen)
            limit = self._limits.notebook_limit
            document, values = await documents.with_parameters(content, chosen, spec.parameters, limit)
            spec = spec.model_copy(update={"parameters": values})
        if document is None:
            return _Accepted(spec, None)
        chosen = chosen.model_copy(update={"sha256": document.sha256})
        return _Accepted(spec.model_copy(update={"notebook": chosen}), document)

    async def _stored(self, notebook: Notebook) -> dict[str, Any]:
        if notebook.sha256 is None:
            raise InvalidNotebook("No notebook document was sent.")
        body = b"".join([chunk async for chunk in self._files.get(notebook_key(notebook.sha256))])
        stored: dict[str, Any] = json.loads(body)
        return stored

    async def _write(
        self, caller: Caller, request: Request, accepted: Sequence[_Accepted], project: FoundProject
    ) -> list[Made]:
        used = {each.spec.notebook.sha256 for each in accepted if each.spec.notebook and each.spec.notebook.sha256}
        sent = {each.document.sha256: each.document for each in accepted if each.document is not None}
        new = [_new(caller, request, each.spec, project) for each in accepted]
        try:
            for sha256, document in sent.items():
                await self._leftovers.store_notebook(sha256, document.body)
            made = await self._insert(new, used - sent.keys())
            for sha256, document in sent.items():
                await self._leftovers.keep_notebook(sha256, document.body)
        except BaseException:
            for sha256 in sent:
                await self._leftovers.of_notebook(sha256)
            raise
        return made

    async def _insert(self, new: Sequence[NewExecution], borrowed: Set[str]) -> list[Made]:
        try:
            made = await self._store.executions.create_many(new, borrowed)
        except SourceGone as error:
            raise UnknownCode("A code version, a document or an input was removed just now.") from error
        if made is None:  # the project was deleted meanwhile
            raise UnknownProject
        return made


def _at(place: int, error: PerijoveError) -> PerijoveError:
    """Return the error with the place of the spec it is about."""
    return type(error)(f"specs.{place}: {error.message}", error.hint)


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
        inputs=data_of(spec),
        claim=request.claim,
    )
