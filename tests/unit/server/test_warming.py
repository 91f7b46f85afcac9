from __future__ import annotations

import asyncio
import threading

import pytest

from perijove_server.warming import WarmUp, import_slow


class Work:
    """Remembers in which threads it was done."""

    def __init__(self, failure=None):
        self.failure = failure
        self.threads = []
        self.done = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def __call__(self):
        self.threads.append(threading.current_thread())
        self.loop.call_soon_threadsafe(self.done.set)
        if self.failure:
            raise self.failure


async def test_it_is_done_once_and_off_the_event_loop():
    work = Work()
    warm = WarmUp(0, work)
    warm.begin()
    warm.begin()
    await asyncio.wait_for(work.done.wait(), 10)
    warm.begin()
    await warm.aclose()
    assert len(work.threads) == 1
    assert work.threads[0] is not threading.main_thread()


async def test_a_server_that_stops_first_never_does_it():
    work = Work()
    warm = WarmUp(3600, work)
    warm.begin()
    await warm.aclose()
    assert work.threads == []


async def test_a_failure_is_logged_and_nothing_else(caplog):
    work = Work(ImportError("no nbconvert"))
    warm = WarmUp(0, work)
    warm.begin()
    await asyncio.wait_for(asyncio.shield(warm._task), 10)
    assert "cannot be imported" in caplog.text
    await warm.aclose()


@pytest.mark.parametrize("path", ["status", "master/info"])
async def test_a_page_that_shows_itself_begins_it(ask, jp_serverapp, path):
    work = Work()
    jp_serverapp.web_app.settings["perijove_warm_up"] = WarmUp(0, work)
    await ask("GET", path)
    await asyncio.wait_for(work.done.wait(), 10)


def test_what_is_imported_is_there():
    import_slow()
