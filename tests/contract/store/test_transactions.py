from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, StatementError

from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import ProjectRow, SettingRow, TagRow


async def test_the_clock_is_aware_in_utc_and_finer_than_a_second(store: Store) -> None:
    async with store.read() as session:
        times = [(await session.scalars(select(db_now()))).one() for _ in range(20)]
    assert all(time.tzinfo is timezone.utc for time in times)
    assert any(time.microsecond for time in times)
    assert times == sorted(times)


async def test_a_while_ago_lies_that_long_before_now(store: Store) -> None:
    async with store.read() as session:
        now, ago = (await session.execute(select(db_now(), db_ago(90.5)))).one()
    assert now - ago == timedelta(seconds=90.5)


async def test_a_time_comes_back_as_it_was_written(store: Store) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    written = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=east)
    async with store.write() as session:
        session.add(ProjectRow(id="pr-1", name="p", owner="ada", created_at=written))
    async with store.read() as session:
        read = (await session.get_one(ProjectRow, "pr-1")).created_at
    assert read == written
    assert read.tzinfo is timezone.utc


async def test_written_times_and_the_clock_compare(store: Store) -> None:
    async with store.write() as session:
        session.add(ProjectRow(id="pr-1", name="p", owner="ada", created_at=db_now()))
    async with store.read() as session:
        older = select(ProjectRow.id).where(ProjectRow.created_at <= db_now(), ProjectRow.created_at > db_ago(60))
        assert list(await session.scalars(older)) == ["pr-1"]


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with store.write() as session:
            session.add(ProjectRow(id="pr-1", name="p", owner="ada", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_an_error_leaves_nothing_behind(store: Store) -> None:
    async def fail_halfway() -> None:
        async with store.write() as session:
            session.add(SettingRow(name="key", value=b"value"))
            await session.flush()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        await fail_halfway()
    async with store.read() as session:
        assert await session.get(SettingRow, "key") is None


async def test_foreign_keys_are_kept(store: Store) -> None:
    with pytest.raises(IntegrityError):
        async with store.write() as session:
            session.add(TagRow(execution_id="ex-none", tag="orphan"))


async def test_writers_of_several_replicas_wait_for_each_other(store: Store, url: str) -> None:
    async with store.write() as session:
        session.add(ProjectRow(id="pr-1", name="p", owner="ada", next_number=0, created_at=db_now()))
    replicas = [store, await Store.open(url)]

    async def count_one(replica: Store) -> None:
        async with replica.write() as session:
            query = select(ProjectRow.next_number).where(ProjectRow.id == "pr-1").with_for_update()
            number = (await session.scalars(query)).one()
            await session.execute(update(ProjectRow).values(next_number=number + 1))

    await asyncio.gather(*(count_one(replica) for replica in replicas * 20))
    async with store.read() as session:
        assert (await session.get_one(ProjectRow, "pr-1")).next_number == 40
    await replicas[1].aclose()
