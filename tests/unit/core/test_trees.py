"""Folders that other people fill: walked and removed whatever is in them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rights import bound_by_modes

from perijove import trees
from perijove.trees import remove, walk

DEEP = 1_200


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "top"
    folder.mkdir()
    yield folder
    remove(folder)


def nest(folder: Path, depth: int, name: str = "a") -> None:
    """Make folders in folders, deeper than a path can name, and a file in the last."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=handle))
    os.close(handle)


def crowd(folder: Path) -> None:
    """Fill a folder with one of everything."""
    (folder / "file").write_text("x")
    os.link(folder / "file", folder / "same")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    for name, target in {
        "loop": "loop",
        "there": "back",
        "back": "there",
        "up": "..",
        "nowhere": "x/y",
        "out": "/",
    }.items():
        (folder / name).symlink_to(target)
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    os.close(os.open(bytes(folder) + b"/bad\xff\n", os.O_CREAT | os.O_WRONLY))
    (folder / "sub").mkdir()


def names(top: Path) -> list[str]:
    return sorted(folder.name + entry.name for folder in walk(top) for entry in folder.entries)


def test_folders_nested_deeper_than_a_path_are_walked_to_the_last(top: Path) -> None:
    nest(top, DEEP, "abcdefgh")
    seen = list(walk(top))
    assert len(seen) == DEEP + 1
    assert [entry.name for entry in seen[-1].entries] == ["file"]
    assert all(folder.error is None for folder in seen)


def test_folders_nested_deeper_than_a_path_are_removed(top: Path) -> None:
    nest(top, DEEP, "abcdefgh")
    assert not remove(top)
    assert not top.exists()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_few_descriptors_are_open_however_deep_it_goes(top: Path) -> None:
    nest(top, 100)
    before = descriptors()
    assert max(descriptors() for _ in walk(top)) < before + 15
    assert descriptors() == before


def test_everything_that_people_make_is_listed_and_no_link_is_followed(top: Path) -> None:
    crowd(top)
    assert len(names(top)) == 13
    (top / "sub" / "inner").touch()
    assert "sub/inner" in names(top)


def test_everything_that_people_make_is_removed_and_nothing_that_links_lead_to(top: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    crowd(top)
    (top / "sub" / "elsewhere").symlink_to(kept)
    assert not remove(top)
    assert not top.exists()
    assert (kept / "file").exists()


def test_a_link_is_removed_itself(tmp_path: Path, top: Path) -> None:
    (top / "file").touch()
    (tmp_path / "link").symlink_to(top)
    assert not remove(tmp_path / "link")
    assert (top / "file").exists()


@pytest.mark.parametrize("name", ["gone", "gone/below", "file", "file/below"])
def test_a_file_goes_and_what_is_not_there_is_no_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert not remove(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444, 0o555])
def test_a_folder_without_rights_is_removed_by_its_owner(top: Path, mode: int) -> None:
    (top / "sub" / "inner").mkdir(parents=True)
    (top / "sub" / "inner" / "file").touch()
    for folder in (top / "sub" / "inner", top / "sub"):
        folder.chmod(mode)
    with bound_by_modes():
        assert not remove(top)
    assert not top.exists()


#: Removes what its argument names, with nobody's rights.
AS_NOBODY = f"""
import os, runpy, sys
remove = runpy.run_path({trees.__file__!r})["remove"]
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65533, 65533, 65533)
    os.setresuid(65533, 65533, 65533)
print(remove(sys.argv[1]))
"""


def test_what_cannot_be_removed_is_named_with_why_and_the_rest_goes(top: Path) -> None:
    theirs = top / "folder" / "theirs"
    theirs.mkdir(parents=True)
    (theirs / "file").touch()
    (top / "folder" / "ours").touch()
    for folder in (top, theirs.parent):
        folder.chmod(0o777)
    # It is in the folder already, as it may not pass those above.
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", AS_NOBODY, "folder"], cwd=top, capture_output=True, text=True, check=True
    ).stdout
    if os.geteuid() == 0:
        assert said == "'folder/theirs/file' (Permission denied)\n"
        assert list(theirs.parent.iterdir()) == [theirs]


def test_a_folder_that_cannot_be_read_is_named_and_the_walk_goes_on(top: Path) -> None:
    for name in ("a", "secret", "z"):
        (top / name).mkdir()
    (top / "secret").chmod(0)
    with bound_by_modes():
        seen = {folder.name: folder.error for folder in walk(top)}
        opened = {folder.name: folder.error for folder in walk(top, opening=True)}
    assert [name for name, error in seen.items() if error] == ["secret/"]
    assert set(seen) == {"", "a/", "secret/", "z/"}
    assert not any(opened.values())


def test_the_top_may_be_missing_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("missing", "file", "link"):
        (only,) = walk(tmp_path / name)
        assert isinstance(only.error, OSError)


def test_a_folder_may_be_left_out_of_a_walk(top: Path) -> None:
    (top / "a" / "b").mkdir(parents=True)
    (top / "c").mkdir()
    seen = []
    for folder in walk(top):
        seen.append(folder.name)
        if "a" in folder.enter:
            folder.enter.remove("a")
    assert seen == ["", "c/"]


def test_a_folder_of_very_many_is_listed_in_part_and_says_so(top: Path) -> None:
    for number in range(5):
        (top / str(number)).touch()
    (only,) = walk(top, most=3)
    assert (len(only.entries), only.whole) == (3, False)


def test_what_vanishes_while_it_is_walked_is_no_end_of_it(top: Path) -> None:
    for name in ("a/b", "c", "d"):
        (top / name).mkdir(parents=True)
    seen = []
    for folder in walk(top):
        seen.append((folder.name, folder.error is None))
        if not folder.name:
            remove(top / "a")
            remove(top / "c")
            (top / "c").symlink_to("/")
    assert seen == [("", True), ("a/", False), ("c/", False), ("d/", True)]


def test_a_folder_that_is_moved_away_while_it_is_walked_leads_nowhere_else(top: Path, tmp_path: Path) -> None:
    nest(top, 30)
    (top / "z").mkdir()
    seen = []
    for folder in walk(top):
        seen.append(folder.name)
        if folder.name == "a/" * 20:
            (top / "a" / "a" / "a").rename(tmp_path / "moved")
    assert "z/" not in seen
    assert folder.error is not None
    assert "moved" in str(folder.error)


def test_a_folder_of_more_than_one_listing_holds_is_removed(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_AT_ONCE", 10)
    for number in range(95):
        (top / str(number)).touch()
        (top / f"folder-{number}").mkdir()
    assert not remove(top)
    assert not top.exists()
