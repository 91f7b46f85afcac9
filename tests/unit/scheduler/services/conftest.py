"""Every service over a real store on SQLite, real files on disk and the in-memory queue."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from perijove.model.events import Archived, Claimed, Event, Finished, Segmented
from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.resources import CreateExecution, Execution, Role
from perijove.model.spec import Resources
from perijove.wire.protocol import Held
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import log_key, segment_key
from perijove_scheduler.queue.memory import MemoryQueue, MemoryTail
from perijove_scheduler.services import Limits, Services
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.store import Store

LIMITS = Limits(snapshot_limit=1000, notebook_limit=20_000, public_url="https://hub.example/services/perijove/")
USER_SCOPES = frozenset({"read", "submit"})
ADA = Caller("ada", frozenset({"lab"}), USER_SCOPES)
BOB = Caller("bob", frozenset({"lab"}), USER_SCOPES)
EVE = Caller("eve", frozenset(), USER_SCOPES)
ROOT = Caller("root", frozenset(), frozenset({"admin"}))


@dataclass
class World:
    """The services with what stands below them, and some people."""

    services: Services
    store: Store
    queue: MemoryQueue
    files: LocalFiles
    bell: Bell
    root: Path
    ada: Caller = ADA
    bob: Caller = BOB
    eve: Caller = EVE
    admin: Caller = ROOT
    worker: str = field(default_factory=lambda: new_id("wk"))
    #: Stories that somebody follows; they end before the store does, as at the service's own end.
    followed: list[AsyncGenerator[Any, None]] = field(default_factory=list)

    async def group(self, name: str = "local", **settings: Any) -> str:
        settings = {"runtime": "process", "capacity": Resources(cpus=4, gpus=1), **settings}
        _, token = await self.services.groups.create(self.admin, name, GroupSettings(**settings))
        return token

    async def join(self, owner: Caller, project: str, who: Caller, role: Role) -> None:
        """Invite somebody into a project, and let them accept."""
        shared = await self.services.projects.set_member(owner, project, "user", who.name, role)
        await self.services.projects.accept(who, shared.id)

    async def submit(self, caller: Caller | None = None, key: str | None = None, **request: Any) -> Execution:
        request.setdefault("spec", {"command": "true", "group": "local"})
        wanted = CreateExecution.model_validate(request)
        return await self.services.executions.create(caller or self.ada, wanted, key)

    async def apply(self, *events: Event, group: str = "local") -> None:
        """Do what the applier does."""
        applied = await self.store.lifecycle.apply([(group, event) for event in events])
        await self.queue.publish_changes(applied.changed)

    async def start(self, execution: str, attempt: int = 1) -> None:
        await self.store.lifecycle.admit([execution])
        await self.apply(Claimed(execution=execution, attempt=attempt, worker=self.worker))

    async def finish(self, execution: str, attempt: int = 1, reason: Reason = Reason.OK, **values: Any) -> None:
        await self.apply(Finished(execution=execution, attempt=attempt, worker=self.worker, reason=reason, **values))

    async def tell(self, execution: str, *lines: bytes, attempt: int = 1, first: int = 1, covered: int = 0) -> None:
        """Append records to the live stream."""
        agent = self.queue.agent("local", self.worker)
        appended = await agent.append(Held(execution, attempt), first, lines, covered)
        assert appended.last == first + len(lines) - 1

    async def segment(self, execution: str, *lines: bytes) -> None:
        """Store records as a segment, and trim the live stream, as an agent and the master do."""
        first, last = (json.loads(line)["n"] for line in (lines[0], lines[-1]))
        body = zstandard.compress(b"".join(line + b"\n" for line in lines))
        await self.files.put(segment_key(execution, 1, first, last), chunks(body))
        who = {"execution": execution, "attempt": 1, "worker": self.worker}
        await self.apply(Segmented(**who, first=first, last=last, size=len(body), sha256="0" * 64))
        await self.queue.trim_records([(("local", execution, 1), last)])

    async def archive(self, execution: str, *lines: bytes, attempt: int = 1, records: int | None = None) -> None:
        """Put records into the archive, as an agent does."""
        body = zstandard.compress(b"".join(line + b"\n" for line in lines))
        await self.files.put(log_key(execution, attempt), chunks(body))
        who = {"execution": execution, "attempt": attempt, "worker": self.worker}
        records = len(lines) if records is None else records
        await self.apply(Archived(**who, records=records, size=len(body), sha256=hashlib.sha256(body).hexdigest()))

    def stored(self) -> list[str]:
        """The keys of all stored objects."""
        paths = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in paths)

    async def executions(self) -> int:
        return len(await self.all())

    async def all(self) -> Sequence[FoundExecution]:
        return await self.store.executions.list(self.admin.viewer, ExecutionFilter(), None, 1000)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "template.db"

    async def migrate() -> None:
        store = await Store.open(f"sqlite:///{path}")
        await store.migrate()
        await store.aclose()

    asyncio.run(migrate())
    return path


@pytest.fixture
async def world(migrated: Path, tmp_path: Path) -> AsyncIterator[World]:
    shutil.copy(migrated, tmp_path / "perijove.db")
    store = await Store.open(f"sqlite:///{tmp_path / 'perijove.db'}")
    queue, bell, root = MemoryQueue(), Bell(), tmp_path / "files"
    files = LocalFiles(root, b"k" * 32, LIMITS.public_url)
    services = Services(store, queue, MemoryTail(queue), files, bell, LIMITS)
    world = World(services, store, queue, files, bell, root)
    yield world
    for story in world.followed:
        await story.aclose()
    await services.aclose()
    await store.aclose()


@pytest.fixture
async def local(world: World) -> World:
    """A world with the group `local`."""
    await world.group()
    return world
