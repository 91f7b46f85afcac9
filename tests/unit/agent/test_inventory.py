"""What an interpreter answers about itself is bounded, and one that does not answer holds up nobody."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import until

from perijove_agent import inventory
from perijove_agent.inventory import Inventory
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime


@pytest.fixture
async def lookups(tmp_path: Path) -> AsyncIterator[Inventory]:
    runtime = ProcessRuntime(sys.executable, guardian := Guardian())
    (tmp_path / "idle").mkdir()
    yield Inventory(runtime, tmp_path / "idle")
    assert guardian._groups == set()  # its ids may be others' by now, which the guard would kill
    await runtime.aclose()


class Interpreters:
    """Makes programs that are taken for Pythons."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, script: str) -> str:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\necho asked >>{path}.asked\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def answering(self, name: str, answer: str) -> str:
        (self.folder / f"{name}.answer").write_text(answer)
        return self.make(name, f"cat {self.folder / name}.answer")

    def times(self, python: str) -> int:
        """Return how often one was asked."""
        return len(Path(f"{python}.asked").read_text().splitlines())


@pytest.fixture
def pythons(tmp_path: Path) -> Interpreters:
    return Interpreters(tmp_path)


async def of(lookups: Inventory, python: str) -> dict[str, Any]:
    return await lookups.of(python, dict(os.environ))


async def test_an_interpreter_is_asked_once_until_something_is_installed(
    lookups: Inventory, pythons: Interpreters, tmp_path: Path
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    answer = {"facts": {"python": "3.99"}, "folders": [str(packages), str(tmp_path / "missing")]}
    python = pythons.answering("python", json.dumps(answer))
    assert [await of(lookups, python) for _ in range(2)] == [{"python": "3.99"}] * 2
    assert pythons.times(python) == 1
    os.utime(packages, ns=(0, 0))
    await of(lookups, python)
    assert pythons.times(python) == 2
    packages.rmdir()
    await of(lookups, python)
    assert pythons.times(python) == 3


async def test_the_packages_of_this_python_are_found(lookups: Inventory) -> None:
    facts = await of(lookups, sys.executable)
    assert {"python", "implementation", "platform", "machine", "packages"} == set(facts)
    assert "pytest" in facts["packages"]


@pytest.mark.parametrize(
    "answer",
    [
        "", "no JSON", "[1]", '{"facts": [], "folders": []}', '{"facts": {}}', '{"facts": {}, "folders": 1}',
        '{"facts": {"a": {"b": {"c": {}}}}, "folders": []}', "[" * 100_000,
        json.dumps({"facts": {"packages": {str(number): "1" for number in range(30_000)}}, "folders": []}),
        json.dumps({"facts": {"python": "x" * 2_000_000}, "folders": []}),
    ],
    ids=["nothing", "text", "list", "facts", "no folders", "folders", "deep", "very deep", "many", "long"],
)  # fmt: skip
async def test_an_answer_that_is_none_is_left_out_and_not_asked_for_again(
    lookups: Inventory, pythons: Interpreters, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    python = pythons.answering("python", answer)
    assert [await of(lookups, python) for _ in range(2)] == [{}, {}]
    assert pythons.times(python) == 1
    (line,) = caplog.messages
    assert line.startswith(f"the packages of {python} are not known: ")


async def test_an_interpreter_that_did_not_answer_is_asked_again_later(
    lookups: Inventory, pythons: Interpreters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "_ASK_AGAIN", 0.0)
    python = pythons.answering("python", "")
    assert [await of(lookups, python) for _ in range(2)] == [{}, {}]
    assert pythons.times(python) == 2


async def test_what_an_answer_holds_is_repaired(lookups: Inventory, pythons: Interpreters) -> None:
    python = pythons.answering("python", '{"facts": {"python": "\\ud83d", "n": NaN}, "folders": ["a\\u0000", 1]}')
    assert await of(lookups, python) == {"python": "\ufffd", "n": None}


async def test_an_interpreter_that_prints_without_end_is_ended(
    lookups: Inventory, pythons: Interpreters, caplog: pytest.LogCaptureFixture
) -> None:
    assert await of(lookups, pythons.make("python", "yes >&2 & yes")) == {}
    assert "it prints too much" in caplog.messages[0]


async def test_an_interpreter_that_does_not_answer_is_ended_and_holds_up_nobody_else(
    lookups: Inventory, pythons: Interpreters, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inventory, "_TIMEOUT", 2.0)
    slow = pythons.make("slow", "setsid sleep 71003 & wait")
    waiting = asyncio.create_task(of(lookups, slow))
    other = pythons.answering("other", '{"facts": {"python": "3.99"}, "folders": []}')
    assert await of(lookups, other) == {"python": "3.99"}
    assert not waiting.done()
    assert await waiting == {}
    assert "did not answer within 2 s" in caplog.messages[0]
    assert [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:] == ["71003"]] == []


@pytest.mark.parametrize("starting", [True, False])
async def test_a_lookup_that_is_cancelled_leaves_no_process(
    lookups: Inventory, pythons: Interpreters, starting: bool
) -> None:
    python = pythons.make("python", f"sleep 71004 & echo $! >{pythons.folder}/started; wait")
    waiting = asyncio.create_task(of(lookups, python))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # from here on the thread that starts it does not need the event loop
    started = Path(f"{pythons.folder}/started").exists
    if starting:
        until(started)  # on the event loop: the program runs, and its start is not over
    else:
        await asyncio.to_thread(until, started)
    waiting.cancel()
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
    assert [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:] == ["71004"]] == []


async def test_a_program_that_is_no_interpreter_at_all_has_no_packages(lookups: Inventory, tmp_path: Path) -> None:
    assert await of(lookups, str(tmp_path / "missing")) == {}
