"""Paths that other people make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perijove.paths import leads_below, leads_through_link, make_folders, open_file, real_path, shown, why_not


def test_links_are_followed_to_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "a" / "b" / "up").symlink_to("../../missing")
    assert real_path(tmp_path / "link" / "up" / "x") == f"{os.path.realpath(tmp_path)}/missing/x"
    assert real_path(tmp_path / "link" / ".." / "c") == f"{os.path.realpath(tmp_path)}/a/c"


@pytest.mark.parametrize("links", [{"l": "l"}, {"l": "m", "m": "l"}, {"l": "l/x"}])
def test_a_loop_of_links_is_said_to_be_one(tmp_path: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links") as caught:
        real_path(tmp_path / "l")
    assert why_not(caught.value) == "it is a link that leads to itself, or a chain of too many"
    assert not leads_below(tmp_path / "l", tmp_path)


def test_a_chain_of_thousands_of_links_ends(tmp_path: Path) -> None:
    for number in range(2_000):
        (tmp_path / str(number)).symlink_to(str(number + 1))
    with pytest.raises(OSError, match="symbolic links"):
        real_path(tmp_path / "0")


def test_what_lies_below_is_told_from_what_only_begins_alike(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "inside").mkdir()
    assert leads_below(tmp_path / "in" / "x", tmp_path / "in")
    assert leads_below(tmp_path / "in", tmp_path / "in")
    assert not leads_below(tmp_path / "inside", tmp_path / "in")
    assert leads_below("/x", "/")


def test_a_link_on_the_way_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "l").symlink_to("l")
    assert leads_through_link(tmp_path, "a/l")
    assert leads_through_link(tmp_path, "a/l/x")
    assert not leads_through_link(tmp_path, "a/b/c")


def test_folders_are_made_however_many_are_missing(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a"] * 1_100)
    make_folders(deep)
    make_folders(deep)
    assert deep.is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists"):
        make_folders(tmp_path / "file")


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with open_file(tmp_path / "file") as file:
        assert file.read() == b"x"
    for name in ("pipe", "link", "missing", "."):
        with pytest.raises(OSError):
            open_file(tmp_path / name)


def test_a_name_is_shown_so_that_anything_can_hold_it() -> None:
    assert shown("données/日本 ☃.txt") == "données/日本 ☃.txt"
    assert shown("a\nb\x1b[31m\udcff") == r"a\nb\x1b[31m\xff"
    assert len(shown("x" * 5_000)) == 200
