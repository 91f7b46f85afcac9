from __future__ import annotations

import asyncio

from perijove_hub.inflight import InFlight


async def test_a_shutdown_waits_until_the_last_request_is_answered():
    requests = InFlight()
    await requests.none_left()
    with requests.one():
        with requests.one():
            assert len(requests) == 2
        waiting = asyncio.create_task(requests.none_left())
        await asyncio.wait({waiting}, timeout=0.01)
        assert not waiting.done()
    await waiting
