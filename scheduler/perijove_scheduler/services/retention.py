"""What has been kept for long enough: found, listed, and removed every night."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import get_args

from perijove.model.resources import Role
from perijove.model.retention import Kind, Removal, RetentionReport, RetentionSettings, SweepRequest
from perijove_scheduler.files.protocol import Files, Stored, log_key, segments_prefix
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.orphans import Orphans
from perijove_scheduler.services.signing import datum_key
from perijove_scheduler.store.retention import KeptProject
from perijove_scheduler.store.store import Store

_PAGE = 200
#: Settings' names: when the last sweep ended, and a sweep that is asked for.
_STATE, _ASKED = "retention", "sweep"
KINDS: tuple[Kind, ...] = get_args(Kind)
#: What a sweep may remove unasked: this many of a kind, or this share of all there are.
_FEW, _SHARE = 100, 0.5


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
    kinds : collection of str
        What to sweep, by default everything.

    Attributes
    ----------
    totals : dict
        After a run, how many there were of each kind in all, whether they are old or not.
    """

    def __init__(
        self, store: Store, files: Files, platform: RetentionSettings, *, dry: bool, kinds: Collection[Kind] = KINDS
    ) -> None:
        self._store = store.retention
        self._files = files
        self._platform = platform
        self._dry = dry
        self._kinds = kinds
        self.totals: dict[Kind, int] = {}
        self._orphans = Orphans(store.retention, store.segments, files)
        self._leftovers = Leftovers(store, files)

    async def run(self) -> list[Removal]:
        """Sweep; return what was removed, or would be."""
        self.totals = await self._store.totals()
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
        if "orphans" in self._kinds:
            async for orphan in self._orphans.find():
                if not self._dry:
                    await self._leftovers.of_nobody(orphan.key)
                yield _Found("orphans", None, 1, orphan.size)
            self.totals["orphans"] = self._orphans.looked_at
        parts: dict[Kind, Callable[[KeptProject, int | None], AsyncIterator[_Found]]] = {
            "executions": self._executions,
            "outputs": self._outputs,
            "logs": self._logs,
            "code": self._code,
        }
        for project in await self._store.projects():
            days = project.settings.over(self._platform)
            for kind, part in parts.items():
                if kind in self._kinds:
                    async for found in part(project, getattr(days, kind)):
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
        after = ("", "")
        while days and (page := await self._store.outputs(project.id, days, after, _PAGE)):
            after, gone = (page[-1].execution_id, page[-1].name), {row.id for row in page}
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
        prefixes = (segments_prefix(execution, attempt), f"payloads/{execution}/{attempt}/")
        others = [stored for prefix in prefixes async for stored in self._files.list(prefix)]
        return others if log is None else [log, *others]

    async def _code(self, project: KeptProject, days: int | None) -> AsyncIterator[_Found]:
        after = ""
        while days and (page := await self._store.code(project.id, days, after, _PAGE)):
            after, gone = page[-1].id, {row.id for row in page}
            if not self._dry:
                gone = await self._store.remove_code(project.id, [row.id for row in page])
            yield _Found("code", project.name, len(gone), sum(row.size for row in page if row.id in gone))


class Retention:
    """What people may ask of retention, and the sweep of the night."""

    def __init__(self, store: Store, files: Files, access: Access, platform: RetentionSettings, bell: Bell) -> None:
        self._bell = bell
        self._store = store
        self._files = files
        self._access = access
        self._platform = platform

    async def report(self, caller: Caller) -> RetentionReport:
        """Say what the next sweep would remove if it ran now."""
        caller.require("admin")
        look = Sweep(self._store, self._files, self._platform, dry=True)
        removals = await look.run()
        return RetentionReport(
            settings=self._platform,
            swept_at=await swept_at(self._store),
            removals=removals,
            withheld=[kind for kind in KINDS if is_withheld(removals, look.totals, kind)],
        )

    async def sweep(self, caller: Caller, request: SweepRequest) -> RetentionReport:
        """Let the replica that leads sweep now; return what it will remove, as `report` does."""
        caller.require("admin")
        found = await self.report(caller)
        await self._store.settings.put(_ASKED, request.model_dump_json().encode())
        self._bell.ring("curator")
        return found

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


async def asked_for(store: Store) -> SweepRequest | None:
    """Return the sweep that somebody asked for and that has not begun, and forget it."""
    value = await store.settings.take(_ASKED)
    return None if value is None else SweepRequest.model_validate_json(value)


async def note(store: Store) -> None:
    """Note that a sweep ended now, or that one need not begin."""
    now = datetime.now(timezone.utc).isoformat()
    await store.settings.put(_STATE, json.dumps({"swept_at": now}).encode())


async def sweep(
    store: Store, files: Files, platform: RetentionSettings, *, everything: bool = False
) -> tuple[list[Removal], list[Removal]]:
    """Remove what has been kept for long enough, and note when; return what was removed, and what was withheld.

    A kind of which more than half would go is withheld, unless `everything` is asked for: that is more often a
    configuration that is wrong than a night's work, and nothing brings back what is removed.
    """
    look = Sweep(store, files, platform, dry=True)
    found = await look.run()
    kept = [] if everything else [kind for kind in KINDS if is_withheld(found, look.totals, kind)]
    removals = await Sweep(store, files, platform, dry=False, kinds=[kind for kind in KINDS if kind not in kept]).run()
    await note(store)
    return removals, [removal for removal in found if removal.kind in kept]


def is_withheld(found: Sequence[Removal], totals: Mapping[Kind, int], kind: Kind) -> bool:
    """Return whether a sweep that was not asked to leaves a kind alone: it would remove too large a share of it."""
    count = sum(removal.count for removal in found if removal.kind == kind)
    return count > _FEW and count > _SHARE * totals.get(kind, 0)
