"""What stands between a request and new executions: every check, and only then the first write."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass

from perijove.errors import (
    InvalidNotebook,
    InvalidSpec,
    PerijoveError,
    TooLarge,
    UnknownCode,
    UnknownGroup,
    UnknownProject,
)
from perijove.model.resources import Role
from perijove.model.spec import Resources, Spec
from perijove_scheduler.documents import Document
from perijove_scheduler.files.protocol import Files
from perijove_scheduler.policies.admission import is_free
from perijove_scheduler.policies.sizes import capacity, need, total
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.announce import best_effort
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.checks import Checks, data_of
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.services.stored import StoredDocuments
from perijove_scheduler.store.creation import GroupGone, Made, NewExecution, SourceGone
from perijove_scheduler.store.demand import Demand, resources_of
from perijove_scheduler.store.idempotency import Claim
from perijove_scheduler.store.outcomes import Offer
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store

#: Specs of a batch that are checked before others get a turn.
_IN_ONE_GO = 200
#: How many stored documents a request may name: each is kept by a statement, while others wait for the project's row.
_MOST_DOCUMENTS = 100


@dataclass(frozen=True)
class Request:
    """The executions that a caller asks for; `claim` is their Idempotency-Key.

    `batch` says whether a refusal names the place of the spec that it is about. `document` is that of every notebook
    spec that names none by its digest.
    """

    project: str | None
    specs: Sequence[Spec]
    document: Document | None = None
    claim: Claim | None = None
    batch: bool = False


class Submission:
    """Checks requests and writes what passes."""

    def __init__(
        self, store: Store, files: Files, access: Access, leftovers: Leftovers, offers: Offers, limits: Limits
    ) -> None:
        self._store = store
        self._offers = offers
        self._files = files
        self._access = access
        self._leftovers = leftovers
        self._limits = limits
        self._documents = StoredDocuments(files)

    async def submit(self, caller: Caller, request: Request) -> list[Made]:
        """Make all executions; a request that is refused has written nothing.

        A document is stored as it was sent, once for all that run it: parameters are set in it where it runs.

        Raises `perijove_scheduler.store.idempotency.KeyUsed` when its Idempotency-Key was used meanwhile.
        """
        project = await self._project(caller, request.project)
        checks = Checks(self._store, self._files, caller, project)
        self._check_size(request.document)
        borrowed: set[str] = set()
        specs = []
        for place, spec in enumerate(request.specs):
            if place % _IN_ONE_GO == _IN_ONE_GO - 1:
                await asyncio.sleep(0)
            with _at(place, request):
                await checks.spec(spec)
                specs.append(await self._with_document(caller, spec, request, borrowed))
        specs = await self._with_parameters(specs, request)
        owned = project or await self._access.make_personal(caller)
        return await self._write(caller, request, specs, owned)

    async def _project(self, caller: Caller, ref: str | None) -> FoundProject | None:
        """Return the project; None stands for a personal one that is not made before all else has passed."""
        if ref is None:
            return await self._access.personal(caller)
        return await self._access.project(caller, ref, Role.MEMBER)

    def _check_size(self, document: Document | None) -> None:
        limit = self._limits.notebook_limit
        if document is not None and len(document.body) > limit:
            raise TooLarge(
                f"The notebook has {len(document.body):,} bytes; the limit is {limit:,}.",
                "Clear its outputs before you submit it, or keep data in files.",
            )

    async def _with_document(self, caller: Caller, spec: Spec, request: Request, borrowed: set[str]) -> Spec:
        """Return the spec with its document's digest; `borrowed` are those of stored ones that passed already."""
        notebook, sent = spec.notebook, request.document
        if notebook is None:
            if sent is not None and not request.batch:
                raise InvalidSpec("A notebook document was sent along with a command.")
            return spec
        if sent is not None and not (request.batch and notebook.sha256):
            if notebook.sha256 not in {None, sent.sha256}:
                raise InvalidNotebook("The notebook's sha256 is not that of the document that was sent.")
            sent.outline.check_cells(notebook.cells)
            return spec.model_copy(update={"notebook": notebook.model_copy(update={"sha256": sent.sha256})})
        if notebook.sha256 is None:
            raise InvalidNotebook("No notebook document was sent.")
        if notebook.sha256 not in borrowed:
            if not await self._store.executions.sees_notebook(caller.viewer, notebook.sha256):
                raise InvalidNotebook("There is no stored document of that sha256, or it is not yours to see.")
            if len(borrowed) == _MOST_DOCUMENTS:
                raise TooLarge(
                    f"One request runs at most {_MOST_DOCUMENTS} different stored documents.", "Divide it into several."
                )
            await self._documents.check(notebook.sha256)
            borrowed.add(notebook.sha256)
        return spec

    async def _with_parameters(self, specs: Sequence[Spec], request: Request) -> list[Spec]:
        """Return the specs with their parameters checked, and of the types that their documents declare."""
        checked = [*specs]
        places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place, spec in enumerate(specs):
            if spec.notebook is not None and spec.parameters:
                places[spec.notebook.sha256 or "", spec.notebook.kernel or ""].append(place)
        for (sha256, kernel), chosen in places.items():
            with _at(chosen[0], request):
                sent = request.document
                outline = sent.outline if sent and sent.sha256 == sha256 else await self._documents.outline(sha256)
            found, refusal = await self._documents.typed(outline, kernel, [specs[place].parameters for place in chosen])
            if refusal is not None:
                with _at(chosen[len(found)], request):
                    raise refusal
            for place, values in zip(chosen, found, strict=True):
                checked[place] = specs[place].model_copy(update={"parameters": values})
        return checked

    async def _write(
        self, caller: Caller, request: Request, specs: Sequence[Spec], project: FoundProject
    ) -> list[Made]:
        used = {spec.notebook.sha256 for spec in specs if spec.notebook and spec.notebook.sha256}
        sent = request.document if request.document is not None and request.document.sha256 in used else None
        new = [_new(caller, request, spec, project) for spec in specs]
        made = await (self._insert(new, used) if sent is None else self._insert_with(sent, new, used))
        await self._offer(made, new, project, sent)
        return made

    async def _insert_with(self, sent: Document, new: Sequence[NewExecution], used: Set[str]) -> list[Made]:
        try:
            await self._leftovers.store_notebook(sent.sha256, sent.body)
            made = await self._insert(new, used - {sent.sha256})
            await self._leftovers.keep_notebook(sent.sha256, sent.body)
        except BaseException:
            await self._leftovers.of_notebook(sent.sha256)
            raise
        return made

    async def _insert(self, new: Sequence[NewExecution], borrowed: Set[str]) -> list[Made]:
        try:
            made = await self._store.executions.create_many(new, borrowed, _is_free)
        except GroupGone as error:
            raise UnknownGroup("The worker group was deleted just now.") from error
        except SourceGone as error:
            raise UnknownCode("A code version, a document or an input was removed just now.") from error
        if made is None:  # the project was deleted meanwhile
            raise UnknownProject
        return made

    async def _offer(
        self, made: Sequence[Made], new: Sequence[NewExecution], project: FoundProject, sent: Document | None
    ) -> None:
        """Offer what was queued as it was made; what can't be offered now the sweeper offers."""
        if sent is not None:
            self._offers.remember(sent.sha256, sent.body)
        offers = [
            Offer(one.id, 1, each.group, project.row.name, one.number, each.owner, each.spec)
            for one, each in zip(made, new, strict=True)
            if one.queued
        ]
        async with best_effort():
            await self._offers.make(offers)


@contextmanager
def _at(place: int, request: Request) -> Iterator[None]:
    """Have a refusal of a batch name the place of the spec that it is about."""
    try:
        yield
    except PerijoveError as error:
        if not request.batch:
            raise
        raise type(error)(f"specs.{place}: {error.message}", error.hint) from error


def _is_free(new: NewExecution, offered: Sequence[tuple[Resources, int]], demands: Sequence[Demand]) -> bool:
    workers = [capacity(each) for each, count in offered for _ in range(count)]
    taken = total(need(each.resources).times(each.count) for each in demands)
    return is_free(need(resources_of(new.spec.get("resources"))), workers, taken)


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
