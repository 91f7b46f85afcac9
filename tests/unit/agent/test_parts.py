"""The agent's small parts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from perijove.model.reasons import Reason
from perijove.model.spec import Resources, Spec
from perijove.model.tickets import Ticket
from perijove.patience import Backoff
from perijove_agent.__main__ import main
from perijove_agent.ending import Ending, Failure, Halt
from perijove_agent.folders import AttemptFolders
from perijove_agent.kernel.adoption import needs_fresh_start
from perijove_agent.kernel.spec import find_program, kernel_name
from perijove_agent.slots import Slots
from perijove_agent.staging.download import file_name
from perijove_agent.supervision import supervise, until_halted
from perijove_agent.variables import base_variables, work_variables


def test_slots_are_taken_and_given_back() -> None:
    slots = Slots(Resources(cpus=2, memory=1000, gpus=1))
    slots.take("a", Resources(cpus=1.5, memory=600, gpus=1))
    assert slots.free() == Resources(cpus=0.5, memory=400, gpus=0)
    slots.take("b", Resources(cpus=0.5))
    assert slots.free() is None
    slots.release("a")
    slots.release("a")
    assert slots.free() == Resources(cpus=1.5, memory=1000, gpus=1)


def test_backoff_grows_to_its_bound_and_starts_again() -> None:
    backoff = Backoff(1, 4)
    waits = [backoff.next() for _ in range(6)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, [1, 2, 4, 4, 4, 4], strict=True))
    backoff.reset()
    assert backoff.next() <= 1


def test_the_first_wish_to_end_counts() -> None:
    halt = Halt()
    halt.request(Reason.TIME_LIMIT, "first")
    halt.request(Reason.STOPPED_BY_USER)
    assert halt.ending == Ending(Reason.TIME_LIMIT, "first")


class Stubborn:
    """Work that ends only when it is killed."""

    process = None

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._killed = asyncio.Event()

    async def run(self) -> Ending:
        await self._killed.wait()
        return Ending()

    def interrupt(self) -> None:
        self.calls.append("interrupt")

    def kill(self) -> None:
        self.calls.append("kill")
        self._killed.set()


async def test_work_is_interrupted_before_it_is_killed() -> None:
    work, halt = Stubborn(), Halt()
    halt.request(Reason.STOPPED_BY_USER)
    assert await supervise(work, halt, grace=0.01) == Ending(Reason.STOPPED_BY_USER)
    assert work.calls == ["interrupt", "kill"]


async def test_cancelled_supervision_kills_the_work() -> None:
    work = Stubborn()
    supervising = asyncio.create_task(supervise(work, Halt(), grace=10))
    await asyncio.wait({supervising}, timeout=0.01)
    supervising.cancel()
    await asyncio.gather(supervising, return_exceptions=True)
    assert work.calls == ["kill"]


async def test_a_step_is_cancelled_when_the_attempt_has_to_end() -> None:
    halt, never = Halt(), asyncio.Event()
    halt.request(Reason.STOPPED_BY_USER)
    with pytest.raises(Failure) as failure:
        await until_halted(halt, never.wait())
    assert failure.value.ending.reason is Reason.STOPPED_BY_USER


def ticket() -> Ticket:
    spec = Spec.model_validate({"command": ["true"], "group": "g", "environment-variables": {"WHO": "ada"}})
    return Ticket(execution="ex-00000000000000000000000001", attempt=2, project="p", number=3, owner="ada", spec=spec)


def test_work_gets_a_clean_environment(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environ, "PERIJOVE_AGENT_TOKEN", "secret")
    monkeypatch.setitem(os.environ, "AWS_SECRET_ACCESS_KEY", "secret")
    base = base_variables("/opt/python/bin/python", tmp_path)
    variables = work_variables(ticket(), AttemptFolders(tmp_path / "a"), base)
    assert "secret" not in variables.values()
    assert variables["PATH"].startswith("/opt/python/bin:")
    assert (variables["WHO"], variables["VH_JOB_ID"]) == ("ada", "ex-00000000000000000000000001")
    for name, folder in {
        "INPUTS": "inputs",
        "OUTPUTS": "outputs",
        "REPOSITORY": "repository",
        "CONFIG": "config",
    }.items():
        assert variables[f"PERIJOVE_{name}"] == variables[f"VH_{name}_DIR"] == str(tmp_path / "a" / folder)


@pytest.mark.parametrize(
    ("disposition", "url", "name"),
    [
        ('attachment; filename="a b.csv"', "https://x/y", "a b.csv"),
        ("attachment; filename*=UTF-8''caf%C3%A9.csv", "https://x/y", "café.csv"),
        ('attachment; filename="../../etc/passwd"', "https://x/y", "passwd"),
        ("", "https://x/data/table%20one.csv?token=1", "table one.csv"),
        ("", "https://x/", "file"),
        ('attachment; filename=".."', "https://x/..", "file"),
        ("", f"https://x/{'長' * 100}.csv", "長" * 66),
        ("", f"https://x/{'x' * 300}", "x" * 200),
        ("", "https://x/a%0Ab%00c%FF.csv", "abc\ufffd.csv"),
        ("attachment; filename*=idna''%ff", "https://x/y.csv", "y.csv"),
        ("attachment; filename*=a\0b''%ff", "https://x/y.csv", "y.csv"),
    ],
)
def test_a_fetched_file_has_a_plain_name(disposition: str, url: str, name: str) -> None:
    assert file_name(disposition, url) == name


def test_a_notebooks_own_kernel_gives_way_to_the_chosen_one() -> None:
    own = {"metadata": {"kernelspec": {"name": "ir"}}}
    assert [kernel_name(None, {}), kernel_name(None, own), kernel_name("julia", own)] == ["python3", "ir", "julia"]
    assert find_program("python3", "/opt/python").argv[0] == "/opt/python"


def test_some_variables_need_a_fresh_interpreter() -> None:
    assert needs_fresh_start({"PYTHONHASHSEED": "0"})
    assert not needs_fresh_start({"OMP_NUM_THREADS": "1"})


def test_the_program_refuses_to_start_without_a_token() -> None:
    result = CliRunner().invoke(main, ["--url", "http://localhost/", "--group", "g"])
    assert result.exit_code == 2
    assert "enrolment token" in result.output
