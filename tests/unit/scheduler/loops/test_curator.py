from __future__ import annotations

from datetime import datetime, timedelta, timezone

from perijove.model.retention import RetentionSettings
from perijove_scheduler.loops.curator import Curator
from perijove_scheduler.services.retention import swept_at


async def test_it_sweeps_once_a_night_and_at_once_when_a_night_was_missed(world) -> None:
    now = datetime.now(timezone.utc)
    curator = Curator(world.bell, world.store, world.files, RetentionSettings(), now.hour, 0.0, lambda: now)
    await curator.turn()
    first = await swept_at(world.store)
    assert first is not None
    await curator.turn()
    assert await swept_at(world.store) == first
    now += timedelta(days=1)
    await curator.turn()
    assert await swept_at(world.store) != first
