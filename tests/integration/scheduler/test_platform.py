"""The platform as a whole: it starts, survives, and stops without leaving anything behind."""

from __future__ import annotations

import asyncio
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import psutil
import pytest
from parts import EMBEDDED, PRODUCTION

from perijove.errors import Unavailable
from perijove.folder_lock import FolderLock
from perijove.model.events import Verb
from perijove.model.fleet import Enrol
from perijove.model.resources import CreateExecution
from perijove.model.spec import Resources, Spec
from perijove.model.tickets import Ticket
from perijove.wire import versions
from perijove.wire.agent import RedisAgentWire
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.tables import ExecutionRow, WorkerRow

ON_BOTH = pytest.mark.parametrize("parts", [EMBEDDED, PRODUCTION], indirect=True)
ADA = Caller("ada", scopes=frozenset({"read", "submit"}))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def family(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in `folder`."""
    found = psutil.process_iter(["cwd", "status"])
    return [p for p in found if str(folder) in (p.info["cwd"] or "") and p.info["status"] != psutil.STATUS_ZOMBIE]


async def submit(platform) -> str:
    request = CreateExecution(spec=Spec(command=["true"], group="local"))
    return (await platform.services.executions.create(ADA, request, None)).id


async def started_worker(platform) -> WorkerRow:
    """Wait until the scaler has started a machine; return its worker."""
    while True:
        for row in await platform.store.workers.live():
            if "pid" in row.machine:
                return row
        await asyncio.sleep(0.02)  # there is no event for a row of another task


@ON_BOTH
async def test_a_platform_starts_with_its_local_group_and_stops_completely(make, folder) -> None:
    platform = make()
    await platform.start()
    (group,) = await platform.services.groups.list(ADA)
    assert (group.name, group.provider, group.max_workers) == ("local", "process", 2)
    assert all(loop.running for loop in platform.loops)
    assert platform.leader.term is not None
    await platform.stop()
    assert not any(loop.running for loop in platform.loops)
    assert family(folder) == []


async def test_its_secrets_are_private(make, folder) -> None:
    await make().start()
    assert mode(folder) == 0o700


@ON_BOTH
async def test_a_second_start_finds_all_state_again(make) -> None:
    first = make()
    await first.start()
    token = (await first.store.groups.get("local")).token_sha256
    url = first.files.sign(Verb.GET, "a", 60)
    execution = await submit(first)
    await first.stop()
    second = make()
    await second.start()
    assert (await second.store.groups.get("local")).token_sha256 == token
    assert second.files.verify("GET", "a", dict(parse_qsl(urlsplit(url).query)))
    assert (await second.services.executions.get(ADA, execution)).id == execution


@ON_BOTH
async def test_waiting_work_starts_an_agent_that_a_stop_ends(make, folder) -> None:
    platform = make()
    await platform.start()
    await submit(platform)
    worker = await asyncio.wait_for(started_worker(platform), 20)
    assert psutil.pid_exists(worker.machine["pid"])
    await platform.stop()
    assert family(folder) == []


async def test_without_cleanup_agents_and_redis_go_on_and_the_next_start_adopts_them(make, folder) -> None:
    first = make(cleanup_on_shutdown=False)
    await first.start()
    redis = EmbeddedRedis(folder).pid
    await submit(first)
    before = await asyncio.wait_for(started_worker(first), 20)
    await first.stop()
    assert psutil.pid_exists(before.machine["pid"])
    second = make()
    await second.start()
    assert EmbeddedRedis(folder).pid == redis
    assert (await started_worker(second)).id == before.id
    assert [row.id for row in await second.store.workers.live()] == [before.id]
    await second.stop()
    assert family(folder) == []


async def enrolled(platform, folder: Path, worker: str | None = None) -> RedisAgentWire:
    """Enrol as a worker's agent does; return its half of the wire."""
    settings = await platform.store.groups.settings("local")
    token = await platform.services.groups.new_token(Caller("root", scopes=frozenset({"admin"})), "local")
    told = {"host": "host", "version": "1", "capacity": settings.capacity}
    spoken = {"oldest_protocol": versions.OLDEST, "newest_protocol": versions.NEWEST}
    request = Enrol(group="local", token=token, worker=worker, **told, **spoken)
    enrolment = await platform.services.agents.enrol(request)
    wire = RedisAgentWire(enrolment.redis_url, "local", enrolment.worker, event_key=enrolment.event_key)
    await wire.register(settings.capacity, "1", "host")
    return wire


async def claimed(wire: RedisAgentWire) -> Ticket:
    """Wait for a ticket, as an agent does."""
    last = "0"
    while (ticket := await wire.claim(Resources())) is None:
        messages = await wire.listen(last, 1)
        last = messages[-1][0] if messages else last
    return ticket


async def until(platform, execution: str, status: str, attempt: int) -> None:
    """Wait until an execution stands at an attempt's status, by what is told of changes."""
    changes = platform.queue.changes()
    async for _ in changes:
        detail = await platform.services.executions.get(ADA, execution)
        if (detail.status.value, detail.attempt) == (status, attempt):
            break
    await changes.aclose()


@ON_BOTH
async def test_work_that_an_ended_agent_still_held_goes_on_at_no_cost(make, folder) -> None:
    platform = make()
    await platform.start()
    execution = await submit(platform)
    worker = await asyncio.wait_for(started_worker(platform), 20)
    wire = await enrolled(platform, folder, worker.id)
    assert (await claimed(wire)).execution == execution
    await asyncio.wait_for(until(platform, execution, "started", 1), 20)
    await wire.aclose()
    await platform.stop()
    again = make(local_max_workers=0)
    await again.start()
    async with again.store.read() as session:
        row = await session.get_one(ExecutionRow, execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 2)
    assert (await again.store.workers.get(worker.id)).ended_at is not None


async def test_a_private_redis_that_is_killed_comes_back_with_all_that_waits(make, folder) -> None:
    platform = make()
    await platform.start()
    wire = await enrolled(platform, folder)
    execution = await submit(platform)
    pid = EmbeddedRedis(folder).pid
    psutil.Process(pid).kill()
    await asyncio.wait_for(again_claimed(wire, execution), 40)
    assert EmbeddedRedis(folder).pid != pid
    await wire.aclose()


async def again_claimed(wire: RedisAgentWire, execution: str) -> None:
    """Claim until it succeeds, as an agent does whose Redis is away for a while."""
    while True:
        with suppress(Unavailable):
            await wire.renew([])
            if (await claimed(wire)).execution == execution:
                return
        await asyncio.sleep(0.05)  # an agent backs off too


async def test_a_folder_has_one_service_at_a_time(make, folder) -> None:
    await make().start()
    with pytest.raises(Unavailable, match="Another Perijove service"):
        await FolderLock(folder, "service", "", patience=0).acquire()


async def test_a_released_folder_can_be_locked_again(folder) -> None:
    first, second = FolderLock(folder, "service", "", patience=15), FolderLock(folder, "service", "", patience=0)
    await first.acquire()
    first.release()
    await second.acquire()
    second.release()


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ({"redis_url": "redis://:secret@127.0.0.1:1/0"}, "Redis at redis://:\\*\\*\\*@127.0.0.1:1/0 cannot be reached"),
        ({"redis_url": "http://example"}, "is not the address of a Redis"),
        ({"database_url": "postgresql://ada:secret@127.0.0.1:1/x"}, "cannot be used"),
        ({"database_url": "what is this"}, "cannot be opened"),
        ({"database_url": "sqlite:////proc/nowhere/perijove.db"}, "cannot be"),
    ],
)
async def test_what_cannot_be_reached_is_a_clear_error_that_leaves_nothing_behind(
    make, folder, traits: dict[str, str], message: str
) -> None:
    platform = make(**traits)
    with pytest.raises(Unavailable, match=message) as caught:
        await platform.start()
    assert "Platform." in caught.value.hint
    assert "secret" not in caught.value.message
    assert family(folder) == []
    lock = FolderLock(folder, "service", "", patience=0)
    await lock.acquire()
    lock.release()


@ON_BOTH
async def test_events_that_were_read_and_not_applied_come_to_the_next_start_at_once(make, folder) -> None:
    first = make(cleanup_on_shutdown=False)
    await first.start()
    wire = await enrolled(first, folder)
    await first.loops.applier.stop()
    execution = await submit(first)
    assert (await claimed(wire)).execution == execution
    consumer = first.loops.applier.consumer
    assert len(await first.queue.read_events(["local"], consumer, 1, 10)) == 1
    await first.stop()
    second = make()
    await second.start()
    await asyncio.wait_for(until(second, execution, "started", 1), 20)
    await wire.aclose()
