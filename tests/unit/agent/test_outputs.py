"""What is found in an outputs folder, and what is left out of it and named."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from rights import bound_by_modes

from perijove.model.events import LEFT_OUT_NAMED, Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.trees import remove
from perijove_agent import outputs
from perijove_agent.executed import free_name
from perijove_agent.omissions import Omissions
from perijove_agent.outputs import find_outputs


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "outputs").mkdir()
    yield tmp_path / "outputs"
    remove(tmp_path / "outputs")  # pytest would not get to the bottom of it


def whys(omissions: Omissions) -> dict[str, str]:
    return {each.name: each.why for each in omissions.first}


def test_files_and_links_to_files_inside_are_found_by_name(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "a.txt").write_text("a")
    (folder / "model.ipynb").write_text("{}")
    (folder / "inside").symlink_to("deep/a.txt")
    found, omissions = find_outputs(folder)
    assert [file.name for file in found] == ["deep/a.txt", "inside", "model.ipynb"]
    assert found[1].path == folder / "deep" / "a.txt"
    assert found[2].media_type == "application/json"
    assert omissions.count == 0
    assert free_name(folder / "model.ipynb", {file.name for file in found}) == "model.executed.ipynb"


def test_a_link_loop_is_left_out_and_the_rest_is_found(folder: Path) -> None:
    (folder / "model.bin").write_text("weights")
    (folder / "loop").symlink_to("loop")
    (folder / "there").symlink_to("back")
    (folder / "back").symlink_to("there")
    for number in range(2_000):
        (folder / f"chain{number}").symlink_to(f"chain{number + 1}")
    found, omissions = find_outputs(folder)
    assert [file.name for file in found] == ["model.bin"]
    assert omissions.count == 2_003
    assert "leads to itself" in whys(omissions)["back"]


def test_what_is_no_file_is_left_out_with_what_it_is(folder: Path) -> None:
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    links = {"up": "..", "etc": "/etc", "device": "/dev/null", "broken": "nowhere", "to-sub": "sub", "to-pipe": "pipe"}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    (folder / "bad\nname").touch()
    os.close(os.open(bytes(folder) + b"/latin-\xe9", os.O_CREAT | os.O_WRONLY))
    found, omissions = find_outputs(folder)
    assert found == []
    assert whys(omissions) == {
        "pipe": "it is a pipe",
        "socket": "it is a socket",
        "up": "it is a link that leaves the outputs folder",
        "etc": "it is a link that leaves the outputs folder",
        "device": "it is a link that leaves the outputs folder",
        "broken": "it is a link to what is not there",
        "to-sub": "it is a link to a folder",
        "to-pipe": "it is a link to a pipe",
        r"bad\nname": "its name has a backslash or control characters",
        r"latin-\xe9": "its name is not UTF-8",
    }


def test_folders_nested_too_deeply_are_left_out_and_what_lies_beside_them_is_found(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("a", dir_fd=handle)
        inner = os.open("a", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    (folder / "model.bin").write_text("weights")
    found, omissions = find_outputs(folder)
    assert [file.name for file in found] == ["model.bin"]
    assert omissions.count == 1
    assert "1,024 characters" in omissions.first[0].why


def test_a_name_of_too_many_bytes_for_an_index_is_left_out(folder: Path) -> None:
    long, longer = folder / "/".join(["長" * 80] * 8), folder / "/".join(["長" * 80] * 9)
    for path in (long, longer):
        path.mkdir(parents=True)
        (path / "x").touch()
    found, omissions = find_outputs(folder)
    assert [file.path for file in found] == [long / "x"]
    assert [each.why for each in omissions.first] == ["its name has more than 1,024 characters or 2,048 bytes"]


def test_a_folder_without_rights_is_opened_by_its_owner_and_its_files_are_found(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").touch()
    (folder / "sub").chmod(0)
    with bound_by_modes():
        found, omissions = find_outputs(folder)
        (folder / "sub" / "file").read_bytes()
    assert [file.name for file in found] == ["sub/file"]
    assert omissions.count == 0


def test_an_outputs_folder_without_rights_is_opened_by_its_owner(folder: Path) -> None:
    (folder / "file").touch()
    folder.chmod(0)
    with bound_by_modes():
        found, omissions = find_outputs(folder)
    assert ([file.name for file in found], omissions.count) == (["file"], 0)


def test_an_outputs_folder_that_the_work_removed_or_replaced_is_named(folder: Path) -> None:
    folder.rmdir()
    _, omissions = find_outputs(folder)
    assert whys(omissions) == {"./": "it is not there any more"}
    folder.symlink_to("/etc")
    found, omissions = find_outputs(folder)
    assert (found, omissions.count) == ([], 1)


def test_of_too_many_files_those_nearest_to_the_top_are_kept(folder: Path) -> None:
    (folder / "tiles").mkdir()
    for number in range(10):
        (folder / "tiles" / str(number)).touch()
    (folder / "zz-model.bin").touch()
    found, omissions = find_outputs(folder, most=3)
    assert [file.name for file in found] == ["tiles/0", "tiles/1", "zz-model.bin"]
    assert omissions.count == 8
    assert "put many files into one archive" in whys(omissions)["tiles/2"]


def test_a_folder_of_more_files_than_are_looked_at_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_LOOKED_AT", 5)
    for number in range(9):
        (folder / str(number)).touch()
    found, omissions = find_outputs(folder)
    assert len(found) <= 5
    assert "more than 5 files" in omissions.first[-1].why


def test_a_hundred_thousand_that_are_left_out_make_a_short_list_with_their_number() -> None:
    omissions, others = Omissions(), Omissions()
    for number in range(60_000):
        omissions.add(f"{number}-{'x' * 900}", "y" * 900)
        others.add("other", "why")
    omissions.merge(others)
    assert (omissions.count, len(omissions.first)) == (120_000, LEFT_OUT_NAMED)
    said = list(omissions.lines())
    assert len(said) == LEFT_OUT_NAMED + 1
    assert said[-1] == "119,900 more outputs are left out.\n"
    event = Finished(
        worker=new_id("wk"), execution=new_id("ex"), attempt=1, reason=Reason.OK,
        left_out=omissions.first, left_out_count=omissions.count,
    )  # fmt: skip
    assert len(event.model_dump_json()) < 100_000
