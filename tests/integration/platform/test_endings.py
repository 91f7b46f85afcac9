"""How work ends when it ends badly: the right status and reason, and every line it printed before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from stories import Story, follow, run, submit

from perijove.client.client import Client
from perijove.model.reasons import MEANINGS, Reason
from perijove.model.records import OutputRecord, Record
from perijove.model.status import Status

_MEBIBYTE = 2**20
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def _ended(story: Story, reason: Reason) -> None:
    """Check that the story ended for `reason`, with the status and the sentence that follow from it."""
    end = story.end
    assert (end.reason, end.status) == (reason, MEANINGS[reason].status)
    assert end.sentence
    assert story.places == [(1, n) for n in range(1, len(story.places) + 1)]


def test_a_cell_that_raises_is_the_users_error(alice: Client) -> None:
    story = run(alice, "print('before')", "raise ValueError('no such luck')", "print('after')")
    _ended(story, Reason.CELL_ERROR)
    assert story.end.detail == "ValueError: no such luck"
    assert story.cells()[-1] == ("cell-2", "failed")
    assert "before" in story.log
    assert "ValueError: no such luck" in _ESCAPES.sub("", story.log)
    assert "after" not in story.log
    assert b"no such luck" in alice.executions.notebook(story.id)


@pytest.mark.parametrize("death", ["os.abort()", "os.kill(os.getpid(), signal.SIGSEGV)", "os._exit(7)"])
def test_a_kernel_that_dies_is_the_users_error(alice: Client, tmp_path: Path, death: str) -> None:
    story = _dying(alice, death, tmp_path / "go")
    _ended(story, Reason.KERNEL_DIED)
    assert "before" in story.log
    assert "last words" in story.log
    assert b"last words" in alice.executions.notebook(story.id)


def test_a_kernel_that_is_killed_is_told_from_a_lost_worker(alice: Client, tmp_path: Path) -> None:
    story = _dying(alice, "os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "go")
    # Nobody can tell the kernel's out-of-memory killer from another person's SIGKILL for sure.
    assert story.end.reason in {Reason.KERNEL_DIED, Reason.OUT_OF_MEMORY}
    assert story.end.status is Status.ERROR
    assert "last words" in story.log


def _dying(client: Client, death: str, go: Path) -> Story:
    """Run a kernel that dies once its last words were seen: what it had not sent would die with it."""
    cell = (
        "import os, pathlib, signal, time\n"
        "print('last words', flush=True)\n"
        f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.01)\n{death}"
    )

    def let_go(record: Record) -> None:
        if isinstance(record, OutputRecord) and record.content and "last words" in record.content.get("text", ""):
            go.touch()

    return follow(client, submit(client, "print('before')", cell), let_go)


def test_a_cell_that_prints_fifty_megabytes_loses_none_of_it(alice: Client) -> None:
    lines = 50 * _MEBIBYTE // 100
    story = run(alice, f"for n in range({lines}):\n    print(f'{{n:099d}}')")
    _ended(story, Reason.OK)
    expected = "".join(f"{n:099d}\n" for n in range(lines))
    assert story.printed() == expected
    assert expected in story.log


def test_a_cell_that_writes_a_gigabyte_gives_it_as_an_output(alice: Client) -> None:
    # A sparse file is read, hashed and sent like any other, and the test's own disk is spared one copy.
    source = "import os\nwith open(os.environ['PERIJOVE_OUTPUTS'] + '/large.bin', 'wb') as f:\n    f.truncate(2**30)"
    story = run(alice, source)
    _ended(story, Reason.OK)
    large = {output.name: output for output in alice.executions.outputs(story.id)}["large.bin"]
    assert large.size == 2**30
    # The digest of 2**30 zero bytes.
    assert large.sha256 == "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
    alice.executions.delete(story.id)


def test_an_infinite_loop_is_stopped_when_someone_asks(alice: Client) -> None:
    execution = submit(alice, "print('spinning', flush=True)\nwhile True:\n    pass")

    def stop_it(record: Record) -> None:
        if isinstance(record, OutputRecord) and record.content and "spinning" in record.content.get("text", ""):
            alice.executions.stop(execution.id)

    story = follow(alice, execution, stop_it)
    _ended(story, Reason.STOPPED_BY_USER)
    assert "spinning" in story.log
    assert b"spinning" in alice.executions.notebook(story.id)


def test_a_kernel_that_is_not_installed_is_named(alice: Client) -> None:
    story = run(alice, "print('never')", kernel="no-such-kernel")
    _ended(story, Reason.NO_KERNEL)
    assert "no-such-kernel" in story.end.detail + story.log


def test_work_that_takes_longer_than_its_limit_is_ended(alice: Client) -> None:
    story = run(alice, "print('begun', flush=True)\nimport time\ntime.sleep(3600)", time_limit=3)
    _ended(story, Reason.TIME_LIMIT)
    assert "begun" in story.log


def test_work_that_says_nothing_for_too_long_is_ended(alice: Client) -> None:
    story = run(alice, "print('begun', flush=True)\nimport time\ntime.sleep(3600)", no_output_timeout=3)
    _ended(story, Reason.NO_OUTPUT)
    assert "begun" in story.log
