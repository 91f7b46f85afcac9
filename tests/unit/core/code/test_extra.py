"""Files that go along without lying in the project folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from perijove import errors
from perijove.code import pack, scan, unpack

Make = Callable[[dict[str, str]], Path]


@pytest.fixture
def variables(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere"
    path.write_text("pickled")
    return path


def test_an_extra_file_is_counted_and_packed_among_the_others(project: Make, variables: Path, tmp_path: Path) -> None:
    plan = scan(project({"a": "1", "z": "2"}), extra={"k": variables})
    assert (plan.size, plan.count) == (9, 3)
    packed = pack(plan, tmp_path / "packed")
    unpack(packed.path, tmp_path / "there", code=packed.id)
    assert sorted((path.name, path.read_text()) for path in (tmp_path / "there").iterdir()) == [
        ("a", "1"), ("k", "pickled"), ("z", "2")]  # fmt: skip


def test_an_extra_file_takes_the_place_of_what_the_folder_has(project: Make, variables: Path, tmp_path: Path) -> None:
    packed = pack(scan(project({"a": "1"}), extra={"a": variables}), tmp_path / "packed")
    unpack(packed.path, tmp_path / "there")
    assert (tmp_path / "there" / "a").read_text() == "pickled"


def test_an_extra_file_goes_whatever_is_ignored(project: Make, variables: Path) -> None:
    plan = scan(project({".perijoveignore": "*"}), extra={".k": variables})
    assert ".k" in {entry.name for entry in plan.entries}


def test_an_extra_file_s_bytes_alone_make_the_id(project: Make, variables: Path, tmp_path: Path) -> None:
    other = tmp_path / "other name"
    other.write_bytes(variables.read_bytes())
    os.utime(other, (1.0, 1.0))
    root = project({"a": "1"})
    ids = {pack(scan(root, extra={"k": file}), tmp_path / "packed").id for file in (variables, other)}
    assert len(ids) == 1


def test_a_folder_that_changed_while_it_was_packed_is_read_again_with_the_extra_file(
    project: Make, variables: Path, tmp_path: Path
) -> None:
    root = project({"a": "1"})
    plan = scan(root, extra={"k": variables})
    (root / "a").write_text("changed")
    assert {entry.name for entry in pack(plan, tmp_path / "packed").plan.entries} == {"a", "k"}


def test_extra_files_count_towards_the_limit(project: Make, variables: Path) -> None:
    with pytest.raises(errors.SnapshotTooLarge, match=r"k .7 B."):
        scan(project({"a": "1"}), 7, extra={"k": variables})


@pytest.mark.parametrize("name", ["sub/k", "..", ""])
def test_an_extra_file_lies_at_the_top(project: Make, variables: Path, name: str) -> None:
    with pytest.raises(errors.InvalidPath):
        scan(project({"a": "1"}), extra={name: variables})


def test_a_folder_is_no_extra_file(project: Make, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidPath, match="Only a file"):
        scan(project({"a": "1"}), extra={"k": tmp_path})
