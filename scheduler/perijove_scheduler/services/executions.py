"""Executions: submitted, listed, stopped, repeated, compared, deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from pydantic import BaseModel, ValidationError

from perijove.errors import Conflict, InvalidSpec, UnknownExecution
from perijove.model.control import Stop
from perijove.model.resources import (
    Comparison,
    CopyExecution,
    CreatedExecution,
    CreatedExecutions,
    CreateExecution,
    CreateExecutions,
    Execution,
    ExecutionDetail,
    Page,
    Role,
    Stopping,
    Why,
)
from perijove.model.spec import Spec
from perijove.model.status import Status
from perijove_scheduler.documents import Document, read_document
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import compare, excerpts, present
from perijove_scheduler.services.access import Access, checked_cursor
from perijove_scheduler.services.announce import Announcer, best_effort
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.inputs import refusing_inputs
from perijove_scheduler.services.keys import Keys
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.submission import Request, Submission
from perijove_scheduler.services.why import Explainer
from perijove_scheduler.store.creation import Made
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.store import Store

__all__ = ["ExecutionFilter", "Executions"]

#: Bytes of a document that is not stored once more before its key was looked up.
_LARGE = 256 * 1024


class Executions:
    """What callers may do with executions."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        access: Access,
        submission: Submission,
        leftovers: Leftovers,
        announcer: Announcer,
        limits: Limits,
    ) -> None:
        self._store = store
        self._keys = Keys(store)
        self._queue = queue
        self._access = access
        self._submission = submission
        self._leftovers = leftovers
        self._announcer = announcer
        self._limits = limits
        self._explainer = Explainer(store, queue)

    async def create(
        self, caller: Caller, request: CreateExecution, key: str | None = None, document: Document | None = None
    ) -> Execution:
        """Submit an execution. The same request with the same Idempotency-Key gives the same execution.

        `document` is the request's notebook where that was read already, by whoever took it from the sender.
        """
        caller.require("submit")
        document = _document(request, document)
        claim = await self._keys.claim(caller, key, *_asked("create", request, document))
        return await self._made(caller, Request(request.project, [request.spec], document, claim))

    async def create_many(
        self, caller: Caller, request: CreateExecutions, key: str | None = None, document: Document | None = None
    ) -> CreatedExecutions:
        """Submit many executions at once: all of them, or none. Repeated with its key, it makes nothing new."""
        caller.require("submit")
        document = _document(request, document)
        claim = await self._keys.claim(caller, key, *_asked("create many", request, document))
        wanted = Request(request.project, request.specs, document, claim, batch=True)
        made = await self._submit(caller, wanted)
        project = (await self._access.execution(caller, made[0].id)).row.project_id
        return CreatedExecutions(
            project=project, executions=[CreatedExecution(id=each.id, number=each.number) for each in made]
        )

    async def copy(self, caller: Caller, execution: str, changes: CopyExecution, key: str | None = None) -> Execution:
        """Run an execution again, in the same project, with what differs."""
        caller.require("submit")
        found = await self._access.execution(caller, execution, Role.MEMBER)
        spec = _changed(Spec.model_validate(found.row.spec), changes)
        claim = await self._keys.claim(caller, key, f"copy {execution}", changes)
        return await self._made(caller, Request(found.row.project_id, [spec], None, claim))

    async def _made(self, caller: Caller, request: Request) -> Execution:
        """Make one execution; it is read only where it was made before."""
        made = (await self._submit(caller, request))[0]
        if made.written is None:
            return await self._one(caller, made.id)
        return present.execution(FoundExecution(*made.written), self._limits)

    async def _submit(self, caller: Caller, request: Request) -> Sequence[Made]:
        async def make() -> Sequence[Made]:
            made = await self._submission.submit(caller, request)
            # What was queued already is the scaler's to know of: its worker is no longer idle.
            await self._announcer.changed([each.id for each in made], "scaler" if made[0].queued else "dispatcher")
            return made

        async def again(made: str) -> Sequence[Made]:
            if not (found := await self._store.executions.made_before(made, len(request.specs))):
                raise UnknownExecution
            return found

        size = len(request.document.body) if request.document else 0
        is_large = len(request.specs) > 1 or size > _LARGE
        return await self._keys.once(request.claim, make, again, look_first=is_large)

    async def list(
        self,
        caller: Caller,
        conditions: ExecutionFilter,
        cursor: str | None = None,
        limit: int = 50,
        wanted: Collection[str] | None = None,
    ) -> Page[Execution]:
        """List the executions the caller sees, the newest first, each with the metadata `wanted`."""
        caller.require("read")
        after = checked_cursor(cursor)
        if conditions.project is not None:
            project = await self._access.project(caller, conditions.project)
            conditions = replace(conditions, project=project.row.id)
        rows = await self._store.executions.list(caller.viewer, conditions, after, limit + 1)
        items = excerpts.of_page([present.execution(found, self._limits, wanted) for found in rows[:limit]], limit)
        return Page(items=items, next=items[-1].id if len(rows) > len(items) else None)

    async def get(self, caller: Caller, execution: str) -> ExecutionDetail:
        """Return an execution with its attempts and its environment."""
        caller.require("read")
        return present.detail(await self._access.whole(caller, execution), self._limits)

    async def stop(self, caller: Caller, execution: str) -> Execution:
        """Ask an execution to stop; one that is stopping or has ended is left as it is."""
        caller.require("submit")
        await self._access.execution(caller, execution, Role.MEMBER)
        await self._stop([execution])
        return await self._one(caller, execution)

    async def stop_many(self, caller: Caller, executions: Sequence[str]) -> Stopping:
        """Ask executions to stop, if every one is the caller's to stop; those that have ended are left as they are."""
        caller.require("submit")
        await self._access.executions(caller, executions, Role.MEMBER)
        return Stopping(stopping=await self._stop(executions))

    async def _stop(self, executions: Sequence[str]) -> int:
        outcomes = await self._store.lifecycle.stop_many(executions)
        queued = [o.attempt for o in outcomes if o.before is Status.QUEUED]
        told = [o.attempt for o in outcomes if o.after is Status.STOPPING and o.attempt.worker]
        stops = [(this, Stop(execution=this.execution, attempt=this.attempt)) for this in told]
        async with best_effort():
            # A worker that claims before this is told to stop by the applier, to which its claim is stale.
            await self._queue.withdraw_many([(this.group, this.execution, this.attempt) for this in queued])
            await self._queue.tell_many([(this.group, this.worker, stop) for this, stop in stops])
        changed = [o.attempt.execution for o in outcomes if o.before is not o.after]
        if changed:
            await self._announcer.changed(changed, "dispatcher", "scaler")
        return len(changed)

    async def delete(self, caller: Caller, execution: str) -> None:
        """Delete an execution that has ended, with its files."""
        caller.require("submit")
        row = (await self._access.execution(caller, execution, Role.MEMBER)).row
        with refusing_inputs():
            deleted = await self._store.executions.delete(execution)
        if not deleted:
            raise Conflict("It has not ended.", "Stop it first, and wait until it has.")
        await self._leftovers.of_executions([execution])
        if row.notebook is not None:
            await self._leftovers.of_notebook(row.notebook)
        async with best_effort():
            await self._queue.expire_records([(row.group_name, execution, row.attempt)], 0)
        await self._announcer.changed([execution])

    async def why(self, caller: Caller, execution: str) -> Why:
        """Say what an execution waits for, or why it stands where it stands."""
        caller.require("read")
        return await self._explainer.explain((await self._access.execution(caller, execution)).row)

    async def compare(self, caller: Caller, executions: Sequence[str]) -> Comparison:
        """Set executions side by side."""
        caller.require("read")
        found = await self._store.executions.find_many(caller.viewer, executions)
        if missing := set(executions) - {each.row.id for each in found}:
            raise UnknownExecution(f"There is no execution {min(missing)}, or it is not yours to see.")
        return compare.side_by_side(found, self._limits)

    async def _one(self, caller: Caller, execution: str) -> Execution:
        return present.execution(await self._access.execution(caller, execution), self._limits)


def _changed(spec: Spec, changes: CopyExecution) -> Spec:
    """Return the spec with the changes, validated anew: `model_copy` alone would take anything."""
    document = spec.model_dump(mode="json", exclude_defaults=True)
    document["parameters"] = {**spec.parameters, **changes.parameters}
    given = {"title": changes.title, "tags": changes.tags, "group": changes.group}
    document |= {name: value for name, value in given.items() if value is not None}
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidSpec(f"The copy would not be valid: '{place}': {first['msg']}.") from error


def _document(request: CreateExecution | CreateExecutions, given: Document | None) -> Document | None:
    return read_document(request.notebook) if request.notebook is not None else given


def _asked(action: str, request: BaseModel, document: Document | None) -> tuple[str, BaseModel]:
    """Return what tells two requests apart: of a document its digest."""
    return f"{action} {document.sha256 if document else ''}", request.model_copy(update={"notebook": None})
