from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone

from perijove.model.retention import RetentionSettings
from perijove_scheduler.loops.curator import Curator
from perijove_scheduler.services.retention import note, swept_at


async def test_it_sweeps_once_a_night_and_at_once_when_a_night_was_missed(world) -> None:
    now = datetime.now(timezone.utc)
    curator = Curator(world.bell, world.store, world.files, RetentionSettings(), now.hour, 0.0, lambda: now)
    missed = (now - timedelta(days=2)).isoformat()
    await world.store.settings.put("retention", json.dumps({"swept_at": missed}).encode())
    await curator.turn()
    first = await swept_at(world.store)
    assert first is not None
    assert first > now - timedelta(days=1)
    await curator.turn()
    assert await swept_at(world.store) == first
    now += timedelta(days=1)
    await curator.turn()
    assert await swept_at(world.store) != first


async def test_a_database_s_first_night_sweeps_nothing(world) -> None:
    await world.files.put("code/nobody.tar.zst", pieces(b"x"))
    old = world.files._path("code/nobody.tar.zst")
    os.utime(old, (0, 0))
    curator = Curator(world.bell, world.store, world.files, RetentionSettings(), 3, 0.0)
    await curator.turn()
    assert old.exists()
    assert await swept_at(world.store) is not None


async def test_a_sweep_that_was_asked_for_comes_at_once_and_only_once(world) -> None:
    now = datetime.now(timezone.utc)
    curator = Curator(world.bell, world.store, world.files, RetentionSettings(), now.hour, 0.0, lambda: now)
    await note(world.store)
    first = await swept_at(world.store)
    await world.store.settings.put("sweep", b'{"all": true}')
    await curator.turn()
    second = await swept_at(world.store)
    assert second != first
    await curator.turn()
    assert await swept_at(world.store) == second


async def pieces(*parts: bytes):
    for part in parts:
        yield part
