"""Where blocking work runs: bounded, apart by kind, and killable where it reads what others wrote."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from pathlib import Path

import pytest

from perijove.aio.executors import Processes, Threads
from perijove.errors import InvalidPath, TooLarge, Unavailable

BACKTRACKING = re.compile(r"(a+)+$")
ON_THE_DEFAULT = re.compile(r"\bto_thread\b|\brun_in_executor\(\s*None\b")


def read(text: str) -> str | None:
    found = BACKTRACKING.match(text)
    return found and found[0]


def take(size: int) -> int:
    return len(bytearray(size))


def refuse() -> None:
    raise InvalidPath("It leads out.", "Stay in.")


async def test_what_waits_is_bounded_and_the_next_is_asked_to_come_again() -> None:
    threads, gate = Threads("test", 1, waiting=1), threading.Event()
    running, queued = (asyncio.create_task(threads.run(gate.wait)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="more to do"):
        await threads.run(gate.wait)
    gate.set()
    assert await running
    assert await queued
    assert await threads.run(gate.wait)


async def test_a_call_that_is_cancelled_before_its_turn_never_begins() -> None:
    threads, gate, begun = Threads("test", 1), threading.Event(), []
    running = asyncio.create_task(threads.run(gate.wait))
    queued = asyncio.create_task(threads.run(begun.append, 1))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    gate.set()
    await running
    assert begun == []


async def test_a_call_that_has_begun_is_waited_for_however_often_it_is_cancelled() -> None:
    threads, begun, gate, ended = Threads("test", 1), threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        gate.wait()
        ended.append(1)

    task = asyncio.create_task(threads.run(work))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1]


async def test_what_was_being_made_for_a_caller_who_is_cancelled_is_released() -> None:
    threads, begun, gate, released = Threads("test", 1), threading.Event(), threading.Event(), []

    def make() -> str:
        begun.set()
        gate.wait()
        return "file"

    async def use() -> None:
        async with threads.holding(make, released.append):
            pytest.fail("nobody waits for it any more")

    task = asyncio.create_task(use())
    await asyncio.get_running_loop().run_in_executor(None, begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert released == ["file"]


async def test_what_was_made_is_released_though_its_caller_is_cancelled_again_and_all_threads_are_taken() -> None:
    threads, gate, released = Threads("test", 1, waiting=1), threading.Event(), []
    leaving = asyncio.Event()

    async def use() -> None:
        async with threads.holding(lambda: "file", released.append):
            leaving.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await leaving.wait()
    others = [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]  # one runs, and one takes the last place
    await asyncio.sleep(0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*others)
    assert released == ["file"]


async def test_a_document_that_is_never_understood_is_given_up_and_the_next_one_is_read() -> None:
    processes = Processes("test", 1, seconds=1)
    with pytest.raises(TooLarge, match="longer than 1 seconds"):
        await processes.run(read, "a" * 64 + "!")
    assert await processes.run(read, "aaa") == "aaa"


async def test_a_document_that_takes_too_much_memory_is_given_up_and_the_next_one_is_read() -> None:
    processes = Processes("test", 1, seconds=60, memory=1 << 30)
    with pytest.raises(TooLarge, match="memory"):
        await processes.run(take, 2 << 30)
    assert await processes.run(take, 1) == 1


async def test_what_a_process_refuses_arrives_with_its_hint() -> None:
    processes = Processes("test", 1, seconds=60)
    with pytest.raises(InvalidPath) as refused:
        await processes.run(refuse)
    assert (refused.value.message, refused.value.hint) == ("It leads out.", "Stay in.")


async def test_documents_are_read_in_another_process() -> None:
    assert await Processes("test", 1, seconds=60).run(os.getpid) != os.getpid()


@pytest.mark.parametrize("package", ["core", "scheduler", "hub_extension", "jupyter_server_ext", "agent", "deploy"])
def test_nothing_that_is_installed_runs_on_the_default_executor(package: str) -> None:
    root = Path(__file__).parents[4] / package
    uses = {
        f"{path.relative_to(root)}: {use[0]}"
        for path in root.rglob("*.py")
        for use in ON_THE_DEFAULT.finditer(path.read_text("utf-8"))
    }
    assert uses == set()
