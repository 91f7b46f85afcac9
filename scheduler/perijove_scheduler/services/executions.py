"""Executions: submitted, listed, stopped, repeated, compared, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from perijove.errors import Conflict, IdempotencyConflict, InvalidRequest, InvalidSpec, UnknownExecution
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
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import compare, present
from perijove_scheduler.services.access import Access, checked_cursor
from perijove_scheduler.services.announce import Announcer, best_effort
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.submission import Request, Submission
from perijove_scheduler.services.why import Explainer
from perijove_scheduler.store.executions import ExecutionFilter, KeyUsed, Made
from perijove_scheduler.store.store import Store

__all__ = ["ExecutionFilter", "Executions"]

_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")


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
        self._queue = queue
        self._access = access
        self._submission = submission
        self._leftovers = leftovers
        self._announcer = announcer
        self._limits = limits
        self._explainer = Explainer(store, queue)

    async def create(self, caller: Caller, request: CreateExecution, key: str | None = None) -> Execution:
        """Submit an execution. The same request with the same Idempotency-Key gives the same execution."""
        caller.require("submit")
        digest = "" if key is None else await asyncio.to_thread(_digest, "create", request)
        wanted = Request(request.project, [request.spec], request.notebook, key, digest)
        return await self._one(caller, (await self._submit(caller, wanted))[0].id)

    async def create_many(self, caller: Caller, request: CreateExecutions, key: str | None = None) -> CreatedExecutions:
        """Submit many executions at once: all of them, or none. Repeated with its key, it makes nothing new."""
        caller.require("submit")
        digest = "" if key is None else await asyncio.to_thread(_digest, "create many", request)
        wanted = Request(request.project, request.specs, request.notebook, key, digest, batch=True)
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
        digest = "" if key is None else _digest(f"copy {execution}", changes)
        wanted = Request(found.row.project_id, [spec], None, key, digest)
        return await self._one(caller, (await self._submit(caller, wanted))[0].id)

    async def _submit(self, caller: Caller, request: Request) -> Sequence[Made]:
        if request.key is not None and not _KEY.match(request.key):
            raise InvalidRequest("An Idempotency-Key is 1 to 255 printable ASCII characters without spaces.")
        made = await self._made_before(caller, request)
        if not made:
            try:
                made = await self._submission.submit(caller, request)
            except KeyUsed:
                made = await self._made_before(caller, request)
                if not made:
                    raise
            await self._announcer.changed([each.id for each in made], "dispatcher")
        return made

    async def _made_before(self, caller: Caller, request: Request) -> Sequence[Made]:
        if request.key is None:
            return []
        row = await self._store.idempotency.find(caller.name, request.key)
        if row is None:
            return []
        if row.request_sha256 != request.digest:
            raise IdempotencyConflict
        return await self._store.executions.made_with(row.execution_id, len(request.specs))

    async def list(
        self, caller: Caller, conditions: ExecutionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Execution]:
        """List the executions the caller sees, the newest first."""
        caller.require("read")
        after = checked_cursor(cursor)
        rows = await self._store.executions.list(caller.viewer, conditions, after, limit + 1)
        items = [present.execution(found, self._limits) for found in rows[:limit]]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

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
        if not await self._store.executions.delete(execution):
            raise Conflict("It has not ended.", "Stop it first, and wait until it has.")
        await self._leftovers.of_executions([execution])
        if row.notebook is not None:
            await self._leftovers.of_notebook(row.notebook)
        async with best_effort():
            await self._queue.expire_records(row.group_name, execution, row.attempt, 0)
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


def _digest(action: str, body: BaseModel) -> str:
    """Return what tells two requests apart. A request with a large document is better digested in a thread."""
    document = f"{action} {body.model_dump_json(by_alias=True)}"
    return hashlib.sha256(document.encode()).hexdigest()
