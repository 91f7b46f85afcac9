"""What work leaves in its outputs folder: a real agent keeps the good, names the bad, and runs nothing again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rights import bound_by_modes
from waiting import until

from perijove.model.events import Finished, OutputFile
from perijove.model.reasons import Reason
from perijove.trees import remove
from perijove_agent import storing


@pytest.fixture
async def agent(workers: Any, master: Any) -> AsyncIterator[Any]:
    """An agent whose rights are an ordinary user's."""
    with bound_by_modes():
        async with workers.agent() as agent:
            yield agent
    remove(workers.settings.data_dir)  # pytest would not get to the bottom of it


pytestmark = pytest.mark.usefixtures("agent")

MANY = r"""
import os, pathlib, socket
folder = pathlib.Path(os.environ["PERIJOVE_OUTPUTS"])
os.chdir(folder)
pathlib.Path("model.bin").write_text("weights")
os.symlink("loop", "loop")
os.symlink("nowhere", "dangling")
os.symlink("/etc/hostname", "out")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("sock")
os.close(os.open(b"bad\xff", os.O_CREAT | os.O_WRONLY))
pathlib.Path("secret").write_text("s")
os.chmod("secret", 0)
os.mkdir("closed")
pathlib.Path("closed/inner.txt").write_text("in")
os.chmod("closed", 0)
for _ in range(1200):
    os.mkdir("deep")
    os.chdir("deep")
"""


def system(records: list[Any]) -> str:
    return "".join(r.text for r in records if r.kind == "log" and r.stream == "system")


def names(files: list[OutputFile]) -> list[str]:
    return [file.name for file in files]


async def test_bad_outputs_are_named_on_the_execution_and_in_the_log_and_the_good_ones_are_kept(
    master: Any, command: Any, workers: Any, python: str
) -> None:
    ticket = command(f"{python} - <<'EOF'\n{MANY}\nEOF")
    finished, records = await master.run_ticket(ticket)
    assert (finished.reason, names(finished.outputs)) == (Reason.OK, ["closed/inner.txt", "model.bin"])
    assert await master.output(ticket, "model.bin") == b"weights"
    whys = {each.name: each.why for each in finished.left_out}
    assert finished.left_out_count == len(whys) == 8
    assert "leads to itself" in whys["loop"]
    assert whys["secret"] == "it cannot be read (Permission denied)"
    assert whys[r"bad\xff"] == "its name is not UTF-8"
    assert {"dangling", "out", "pipe", "sock"} < set(whys)
    said = system(records)
    for name, why in whys.items():
        assert f"Output '{name}' is left out: {why}.\n" in said
    # Nothing of it stays on the disk, either.
    attempts = workers.settings.data_dir / "attempts"
    await asyncio.to_thread(until, lambda: not list(attempts.iterdir()))


async def test_a_file_that_shrinks_while_it_is_stored_is_stored_as_it_is_then(
    master: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_back(monkeypatch, lambda path, turn: path.write_bytes(b"short") if turn == 1 else None)
    finished, _ = await master.run_ticket(ticket := command("head -c 5000000 /dev/zero > $PERIJOVE_OUTPUTS/model.bin"))
    assert finished.reason is Reason.OK
    assert [(file.name, file.size) for file in finished.outputs] == [("model.bin", 5)]
    assert await master.output(ticket, "model.bin") == b"short"
    assert finished.left_out_count == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda path, _: path.unlink(missing_ok=True), "it is not there any more"),
        (lambda path, turn: path.write_bytes(b"x" * turn), "it kept changing while it was stored"),
        (lambda path, _: (path.unlink(), os.mkfifo(path)) if path.is_file() else None, "it is not a regular file"),
    ],
)
async def test_a_file_that_goes_or_never_rests_is_left_out_and_the_rest_is_kept(
    master: Any, command: Any, monkeypatch: pytest.MonkeyPatch, change: Any, why: str
) -> None:
    held_back(monkeypatch, change)
    finished, _ = await master.run_ticket(command("cd $PERIJOVE_OUTPUTS; echo 1 > model.bin; echo 2 > other"))
    assert (finished.reason, names(finished.outputs)) == (Reason.OK, ["other"])
    assert [(each.name, each.why) for each in finished.left_out] == [("model.bin", why)]


def held_back(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Change ``model.bin`` at every upload of it, between the look at it and its last byte."""
    upload, turns = storing.Uploader.upload, []

    async def changing(self: Any, held: Any, what: Any, path: Path, *rest: Any) -> Any:
        if what.name == "model.bin":
            turns.append(path)
            await asyncio.to_thread(change, path, len(turns))
        return await upload(self, held, what, path, *rest)

    monkeypatch.setattr(storing.Uploader, "upload", changing)


async def test_an_outputs_folder_that_work_removes_is_said_and_fails_nothing(master: Any, command: Any) -> None:
    finished, records = await master.run_ticket(command("rm -r $PERIJOVE_OUTPUTS"))
    assert (finished.reason, finished.left_out_count) == (Reason.OK, 1)
    assert "Output './' is left out: it is not there any more." in system(records)


async def test_how_far_many_outputs_are_is_said_in_the_log(
    master: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_SAY_EVERY", 100)
    line = "import os\nfor n in range(250): open(os.environ['PERIJOVE_OUTPUTS'] + f'/{n}', 'w').close()"
    finished, records = await master.run_ticket(command(f'{sys.executable} -c "{line}"'))
    assert len(finished.outputs) == 250
    assert "Stored 100 of 250 outputs.\nStored 200 of 250 outputs.\n" in system(records)


async def test_a_file_that_the_store_refuses_is_left_out_where_it_takes_others(master: Any, command: Any) -> None:
    master.refused.add("huge")
    finished, _ = await master.run_ticket(command("cd $PERIJOVE_OUTPUTS; echo 1 > model.bin; echo 2 > huge"))
    assert (finished.reason, names(finished.outputs)) == (Reason.OK, ["model.bin"])
    assert [(each.name, each.why) for each in finished.left_out] == [
        ("huge", "the store refuses it: the server answered 413 Request Entity Too Large")
    ]


async def test_a_store_that_takes_nothing_fails_the_run_as_infrastructure(master: Any, command: Any) -> None:
    master.refused.update(("huge", "model.bin"))
    finished, _ = await master.run_ticket(command("cd $PERIJOVE_OUTPUTS; echo 1 > model.bin; echo 2 > huge"))
    assert (finished.reason, finished.outputs) == (Reason.OUTPUT_FAILED, [])
    assert "413" in finished.detail


async def test_a_store_that_refuses_one_after_another_is_not_asked_for_them_all(master: Any, command: Any) -> None:
    refused = [f"z{number}" for number in range(60)]
    master.refused.update(refused)
    finished, _ = await master.run_ticket(
        command(f"cd $PERIJOVE_OUTPUTS; echo 1 > model.bin; touch {' '.join(refused)}")
    )
    assert (finished.reason, finished.left_out_count < len(refused)) == (Reason.OUTPUT_FAILED, True)
    assert "413" in finished.detail


async def test_a_notebook_that_leaves_a_bad_output_completes_with_its_executed_notebook(
    master: Any, notebook: Any
) -> None:
    finished: Finished
    finished, _ = await master.run_ticket(notebook("import os; os.symlink('x', os.environ['PERIJOVE_OUTPUTS'] + '/x')"))
    assert finished.reason is Reason.OK
    assert (names(finished.outputs), finished.left_out_count) == (["book.ipynb"], 1)
