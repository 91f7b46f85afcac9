"""What has been kept for long enough: found, listed, and removed every night."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timezone

from perijove.model.resources import Role
from perijove.model.retention import Kind, Removal, RetentionReport, RetentionSettings
from perijove_scheduler.files.protocol import Files, Stored, log_key
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.orphans import Orphans
from perijove_scheduler.services.signing import datum_key
from perijove_scheduler.store.retention import KeptProject
from perijove_scheduler.store.store import Store

_PAGE = 200
_STATE = "retention"


@dataclass(frozen=True)
class _Found:
    """Some things of one kind in one project, and the bytes of their files."""

    kind: Kind
    project: str | None
    count: int
    size: int


class Sweep:
    """One pass over everything that is kept. Rows go before their objects: what is cut short leaves orphans at most.

    Orphans are looked for first: an object that this sweep lets go of is removed by the next one. Until then whoever
    was just copying it has long found that it is there, or was refused.

    Parameters
    ----------
    dry : bool
        Whether to look only.
    """

    def __init__(self, store: Store, files: Files, platform: RetentionSettings, *, dry: bool) -> None:
        self._store = store.retention
        self._files = files
        self._platform = platform
        self._dry = dry
        self._orphans = Orphans(store.retention, files)
        self._leftovers = Leftovers(store, files)

    async def run(self) -> list[Removal]:
        """Sweep; return what was removed, or would be."""
        totals: defaultdict[tuple[Kind, str | None], list[int]] = defaultdict(lambda: [0, 0])
        async for found in self._all():
            total = totals[found.kind, found.project]
            total[0] += found.count
            total[1] += found.size
        return [
            Removal(kind=kind, project=project, count=count, bytes=size)
            for (kind, project), (count, size) in totals.items()
            if count
        ]

    async def _all(self) -> AsyncIterator[_Found]:
        async for orphan in self._orphans.find():
            if not self._dry:
                await self._leftovers.of_nobody(orphan.key)
            yield _Found("orphans", None, 1, orphan.size)
        for project in await self._store.projects():
            days = project.settings.over(self._platform)
            for part in (
                self._executions(project, days.executions),
                self._outputs(project, days.outputs),
                self._logs(project, days.logs),
                self._code(project, days.code),
            ):
                async for found in part:
                    yield found

    async def _executions(self, project: KeptProject, days: int | None) -> AsyncIterator[_Found]:
        after = ""
        while days and (page := await self._store.executions(project.id, days, after, _PAGE)):
            after, gone = page[-1], set(page)
            sizes = {execution: await self._size(execution) for execution in page}
            if not self._dry:
                gone = await self._store.remove_executions(page)
                await self._leftovers.of_executions(sorted(gone))
            yield _Found("executions", project.name, len(gone), sum(sizes[execution] for execution in gone))

    async def _size(self, execution: str) -> int:
        prefixes = [f"{kind}/{execution}/" for kind in ("outputs", "logs", "payloads")]
        return sum([stored.size for prefix in prefixes async for stored in self._files.list(prefix)])

    async def _outputs(self, project: KeptProject, days: int | None) -> AsyncIterator[_Found]:
        after = ""
        while days and (page := await self._store.outputs(project.id, days, after, _PAGE)):
            after, gone = page[-1].id, {row.id for row in page}
            if not self._dry:
                gone = await self._store.remove_outputs([row.id for row in page])
                for row in page:
                    if row.id in gone:
                        await self._files.delete(datum_key(row))
            yield _Found("outputs", project.name, len(gone), sum(row.size for row in page if row.id in gone))

    async def _logs(self, project: KeptProject, days: int | None) -> AsyncIterator[_Found]:
        after = ("", 0)
        while days and (page := await self._store.logs(project.id, days, after, _PAGE)):
            after = page[-1]
            objects = [stored for attempt in page for stored in await self._records_of(*attempt)]
            if not self._dry:
                await self._store.remove_logs(page)
                for stored in objects:
                    await self._files.delete(stored.key)
            yield _Found("logs", project.name, len(page), sum(stored.size for stored in objects))

    async def _records_of(self, execution: str, attempt: int) -> list[Stored]:
        log = await self._files.stat(log_key(execution, attempt))
        payloads = [stored async for stored in self._files.list(f"payloads/{execution}/{attempt}/")]
        return payloads if log is None else [log, *payloads]

    async def _code(self, project: KeptProject, days: int | None) -> AsyncIterator[_Found]:
        after = ""
        while days and (page := await self._store.code(project.id, days, after, _PAGE)):
            after, gone = page[-1].id, {row.id for row in page}
            if not self._dry:
                gone = await self._store.remove_code(project.id, [row.id for row in page])
            yield _Found("code", project.name, len(gone), sum(row.size for row in page if row.id in gone))


class Retention:
    """What people may ask of retention, and the sweep of the night."""

    def __init__(self, store: Store, files: Files, access: Access, platform: RetentionSettings) -> None:
        self._store = store
        self._files = files
        self._access = access
        self._platform = platform

    async def report(self, caller: Caller) -> RetentionReport:
        """Say what the next sweep would remove if it ran now."""
        caller.require("admin")
        removals = await Sweep(self._store, self._files, self._platform, dry=True).run()
        return RetentionReport(settings=self._platform, swept_at=await swept_at(self._store), removals=removals)

    async def of_project(self, caller: Caller, project: str) -> RetentionSettings:
        """Return what a project itself says; where it says nothing, the platform's settings hold."""
        caller.require("read")
        return await self._store.retention.get((await self._access.project(caller, project)).row.id)

    async def replace(self, caller: Caller, project: str, settings: RetentionSettings) -> RetentionSettings:
        """Replace what a project says."""
        caller.require("submit")
        found = await self._access.project(caller, project, Role.ADMIN)
        await self._store.retention.replace(found.row.id, settings)
        return settings


async def swept_at(store: Store) -> datetime | None:
    """Return when the last sweep ended."""
    value = await store.settings.get(_STATE)
    return None if value is None else datetime.fromisoformat(json.loads(value)["swept_at"])


async def sweep(store: Store, files: Files, platform: RetentionSettings) -> list[Removal]:
    """Remove what has been kept for long enough, and note when; return what was removed."""
    removals = await Sweep(store, files, platform, dry=False).run()
    now = datetime.now(timezone.utc).isoformat()
    await store.settings.put(_STATE, json.dumps({"swept_at": now}).encode())
    return removals
