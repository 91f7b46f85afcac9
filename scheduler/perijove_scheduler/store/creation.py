"""How executions are made: numbered, tagged, noted with their inputs, and queued where nothing stands in front."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.ids import new_ids
from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.code import keep_code
from perijove_scheduler.store.demand import Demand, balance
from perijove_scheduler.store.idempotency import Claim, remember
from perijove_scheduler.store.notebooks import keep_notebook
from perijove_scheduler.store.recordset import insert_many
from perijove_scheduler.store.tables import WAITING, ExecutionRow, GroupRow, ProjectRow, TagRow, UseRow

_EXECUTIONS = cast("Table", ExecutionRow.__table__)
_TAGS = cast("Table", TagRow.__table__)
_USES = cast("Table", UseRow.__table__)
#: Says whether a worker is free for an execution: of what its group's workers offer, and of what that takes already.
IsFree = Callable[["NewExecution", Sequence[tuple[Resources, int]], Sequence[Demand]], bool]


class GroupGone(Exception):
    """The group that the execution is for was deleted meanwhile."""


class SourceGone(Exception):
    """The code version, the document or a datum that the execution takes was removed meanwhile."""


@dataclass(frozen=True)
class NewExecution:
    """What is written of an execution when it is made.

    `inputs` are the ids of the data it takes. `claim` is the Idempotency-Key it was asked for with.
    """

    project: str
    owner: str
    group: str
    priority: int
    retries: int
    title: str
    code: str | None
    notebook: str | None
    spec: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    claim: Claim | None = None


@dataclass(frozen=True)
class Made:
    """An execution that was made just now.

    `queued` says that it was admitted as it was made. One that was made alone comes as it was written, with the name of
    its project.
    """

    id: str
    number: int
    queued: bool = False
    written: tuple[ExecutionRow, str] | None = None


async def create(
    session: AsyncSession, new: Sequence[NewExecution], borrowed: Iterable[str], is_free: IsFree | None
) -> list[Made] | None:
    """Write new executions, as `perijove_scheduler.store.executions.Executions.create_many` says."""
    first, count = new[0], len(new)
    for code in sorted({each.code for each in new if each.code is not None}):
        if not await keep_code(session, first.project, code):
            raise SourceGone
    this = update(ProjectRow).where(ProjectRow.id == first.project)
    more = {"next_number": ProjectRow.next_number + count, "executions": ProjectRow.executions + count}
    numbered = this.values(more).returning(ProjectRow.next_number, ProjectRow.name, db_now())
    found = (await session.execute(numbered)).one_or_none()
    if found is None:
        return None
    for sha256 in sorted(borrowed):  # after the project's row, as who deletes a project locks it first
        if not await keep_notebook(session, sha256):
            raise SourceGone
    after, name, now = found
    # Before the expensive statements, so that a repeated large request is refused before it runs them.
    await remember(session, first.claim, f"{first.project} {after - count}")
    queued = count == 1 and is_free is not None and await _may_begin(session, first, is_free)
    if not queued:
        await _keep_groups(session, {each.group for each in new})
    ids = new_ids("ex", count)  # in order, as a line is served in the order of its identifiers
    made = [Made(id_, number, queued) for id_, number in zip(ids, range(after - count, after), strict=True)]
    rows = [_row(*pair, now) for pair in zip(made, new, strict=True)]
    if count == 1:
        written = await session.scalars(insert(ExecutionRow).values(rows[0]).returning(ExecutionRow))
        made = [replace(made[0], written=(written.one(), name))]
    else:
        await insert_many(session, _EXECUTIONS, rows)
    tags = [{"execution_id": one.id, "tag": tag, "project_id": each.project}
            for one, each in zip(made, new, strict=True) for tag in dict.fromkeys(each.tags)]  # fmt: skip
    await insert_many(session, _TAGS, tags)
    uses = [{"execution_id": one.id, "datum_id": datum} for one, each in zip(made, new, strict=True)
            for datum in dict.fromkeys(each.inputs)]  # fmt: skip
    await insert_many(session, _USES, uses)
    return made


async def _keep_groups(session: AsyncSession, groups: Collection[str]) -> None:
    """Keep groups from being deleted until this transaction ends."""
    query = select(GroupRow.name).where(GroupRow.name.in_(groups)).order_by(GroupRow.name)
    if set(await session.scalars(query.with_for_update(read=True, key_share=True))) != set(groups):
        raise GroupGone


async def _may_begin(session: AsyncSession, new: NewExecution, is_free: IsFree) -> bool:
    """Return whether a worker is free and nobody waits; the group's row is locked then, so it is not deleted either."""
    waits = exists().where(WAITING, ExecutionRow.group_name == new.group)
    alone = select(GroupRow.name).where(GroupRow.name == new.group, ~waits).with_for_update(key_share=True)
    if await session.scalar(alone) is None:
        return False
    offered, taken = await balance(session, new.group)
    return bool(offered) and is_free(new, offered, taken)


def _row(made: Made, new: NewExecution, now: datetime) -> dict[str, Any]:
    admitted = {"status": Status.QUEUED.value, "queued_at": now} if made.queued else {}
    return {
        "id": made.id,
        "project_id": new.project,
        "number": made.number,
        "owner": new.owner,
        "group_name": new.group,
        "status": Status.CREATED.value,
        "retries_left": new.retries,
        "priority": new.priority,
        "title": new.title,
        "code": new.code,
        "notebook": new.notebook,
        "spec": new.spec,
        "created_at": now,
        "queued_at": None,
        **admitted,
    }
