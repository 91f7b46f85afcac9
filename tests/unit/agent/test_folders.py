"""An agent starts on any data folder, and removes what its work left."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from rights import bound_by_modes

from perijove.model.ids import new_id
from perijove.trees import remove
from perijove.wire.protocol import Held
from perijove_agent.folders import DataFolders
from perijove_agent.records.ended import EndedSpool
from perijove_agent.records.spool import Spool


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[DataFolders]:
    folders = DataFolders(tmp_path / "data")
    yield folders
    remove(folders.root)


def nest(folder: Path, depth: int) -> None:
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("abcdefgh", dir_fd=handle)
        inner = os.open("abcdefgh", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)


def test_a_new_agent_clears_up_after_a_killed_one_and_keeps_the_cache(folders: DataFolders) -> None:
    for name in ("attempts/x", "downloads/x", "spool", "cache/y"):
        (folders.root / name).mkdir(parents=True)
    spools = [Spool(folders.spool(Held(new_id("ex"), attempt))) for attempt in (1, 2)]
    ended = EndedSpool.seal(spools[0], Held(new_id("ex"), 1), new_id("wk"), "0" * 64)
    folders.prepare()
    assert sorted(path.name for path in folders.root.iterdir()) == ["cache", "idle", "spool"]
    assert (folders.root / "cache" / "y").is_dir()
    assert list(EndedSpool.left_in(folders.spools)) == [ended]
    assert stat.S_IMODE(folders.spools.stat().st_mode) == 0o700


def test_an_agent_starts_on_a_folder_in_which_work_nested_folders_without_end(folders: DataFolders) -> None:
    attempt = folders.attempt(Held(new_id("ex"), 1))
    attempt.create()
    nest(attempt.repository, 1_200)
    folders.prepare()
    assert not attempt.root.exists()


def test_folders_that_work_made_unwritable_go_with_the_attempt(folders: DataFolders) -> None:
    attempt = folders.attempt(Held(new_id("ex"), 1))
    attempt.create()
    (attempt.repository / "go" / "mod").mkdir(parents=True)
    (attempt.repository / "go" / "mod" / "file").touch()
    for folder in (attempt.repository / "go" / "mod", attempt.repository / "go", attempt.root):
        folder.chmod(0o555)
    with bound_by_modes():
        attempt.remove()
    assert not attempt.root.exists()


@pytest.mark.parametrize("name", ["attempts", "downloads", "idle", "spool", "cache"])
@pytest.mark.parametrize("kind", ["file", "loop", "no rights"])
def test_an_agent_starts_whatever_lies_in_the_place_of_its_folders(folders: DataFolders, name: str, kind: str) -> None:
    folders.root.mkdir()
    path = folders.root / name
    if kind == "file":
        path.touch()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.mkdir(mode=0)
    with bound_by_modes():
        folders.prepare()
        Spool(folders.spool(Held(new_id("ex"), 1))).close()
        folders.attempt(Held(new_id("ex"), 1)).create()


def test_what_lies_among_the_spools_and_is_none_goes(folders: DataFolders) -> None:
    folders.spools.mkdir(parents=True)
    ended = [f"{new_id('ex')}-1.{new_id('wk')}.0.1.{'0' * 64}.ended" for _ in range(3)]
    (folders.spools / ended[0] / "sub").mkdir(parents=True)
    (folders.spools / ended[1]).symlink_to(ended[1])
    os.mkfifo(folders.spools / ended[2])
    (folders.spools / "ex-1-1.wk-1.0.1.ended").touch()
    folders.prepare()
    assert list(folders.spools.iterdir()) == []


def test_what_cannot_be_removed_is_logged_and_holds_up_no_later_attempt(
    folders: DataFolders, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = folders.attempt(Held(new_id("ex"), 1))
    attempt.create()
    (attempt.repository / "file").touch()
    attempts = attempt.root.parent
    # Without rights on the folder that holds it, which nobody but an agent gives back: an attempt's own stays.
    attempts.chmod(0o555)
    try:
        with bound_by_modes(), caplog.at_level(logging.WARNING):
            attempt.remove()
    finally:
        attempts.chmod(0o755)
    assert f"{attempt.root} is not removed" in caplog.text
    assert "Permission denied" in caplog.text
    folders.prepare()
    attempt.create()
    assert list(attempt.repository.iterdir()) == []
