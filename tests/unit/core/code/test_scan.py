from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rights import bound_by_modes

from perijove import errors
from perijove.code import describe_size, ignore, pack, scan, unpack
from perijove.trees import remove

Make = Callable[[dict[str, str]], Path]


def test_size_and_count_are_known_before_anything_is_read(project: Make) -> None:
    plan = scan(project({"a": "123", "b/c": "4567"}))
    assert (plan.size, plan.count) == (7, 2)
    assert [entry.name for entry in plan.entries] == ["a", "b", "b/c"]


def test_an_empty_folder_is_a_project(tmp_path: Path) -> None:
    assert (scan(tmp_path).size, scan(tmp_path).entries) == (0, ())


def test_empty_folders_go_along(project: Make) -> None:
    root = project({"a": ""})
    (root / "out").mkdir()
    assert [(entry.name, entry.kind) for entry in scan(root).entries] == [("a", "file"), ("out", "folder")]


def test_what_the_caller_leaves_out_stays_out(project: Make) -> None:
    plan = scan(project({"train.ipynb": "{}", "sub/train.ipynb": "{}"}), leave_out=["train.ipynb"])
    assert [entry.name for entry in plan.entries] == ["sub", "sub/train.ipynb"]


def test_over_the_limit_names_size_limit_and_the_biggest(project: Make) -> None:
    root = project(
        {"src/data/a": "x" * 3000, "src/data/b": "x" * 3000, "src/m.py": "x", "big": "x" * 2048, "z": "x" * 9}
    )
    with pytest.raises(errors.SnapshotTooLarge) as caught:
        scan(root, limit=4096)
    assert caught.value.message == (
        "The project folder holds 7.9 KiB in 5 files; the limit is 4.0 KiB. "
        "The biggest: src/data/ (5.9 KiB), big (2.0 KiB), z (9 B)."
    )
    assert ".perijoveignore" in caught.value.hint


def test_exactly_the_limit_is_allowed(project: Make) -> None:
    assert scan(project({"a": "1234"}), limit=4).size == 4


def test_a_negative_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidRequest, match="negative"):
        scan(tmp_path, limit=-1)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_only_a_folder_can_be_scanned(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.InvalidPath, match=name):
        scan(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "target", "stored"),
    [
        ("l", "a", "a"),
        ("sub/l", "../a", "../a"),
        ("sub/l", "..", ".."),
        ("l", "not-there", "not-there"),
        ("sub/l", "../sub/../a", "../a"),
        ("sub/l", "{root}/a", "../a"),
        ("l", "../project/a", "a"),
    ],
)
def test_a_link_inside_stays_a_link(project: Make, name: str, target: str, stored: str) -> None:
    root = project({"a": "", "sub/b": ""})
    (root / name).symlink_to(target.format(root=root))
    assert next(entry for entry in scan(root).entries if entry.kind == "link").target == stored


@pytest.mark.parametrize("target", ["..", "../secret", "/etc/passwd", "sub/../../secret", "/"])
def test_a_link_that_leaves_the_folder_is_refused(project: Make, target: str) -> None:
    root = project({"sub/b": ""})
    (root / "l").symlink_to(target)
    with pytest.raises(errors.InvalidPath, match="leads out") as caught:
        scan(root)
    assert (caught.value.status, caught.value.code) == (422, "invalid_path")
    assert caught.value.hint


def test_an_ignored_link_may_lead_anywhere(project: Make) -> None:
    root = project({".perijoveignore": "data\n"})
    (root / "data").symlink_to("/")
    assert scan(root).ignored == ("data",)


def test_a_linked_folder_is_not_entered(project: Make) -> None:
    root = project({"sub/b": ""})
    (root / "again").symlink_to("sub")
    (root / "sub/loop").symlink_to("..")
    assert scan(root).count == 3


def test_the_project_folder_itself_may_be_a_link(project: Make, tmp_path: Path) -> None:
    root = project({"a": ""})
    (root / "l").symlink_to("a")
    (tmp_path / "link").symlink_to(root)
    assert scan(tmp_path / "link").entries == scan(root).entries


def test_pipes_are_passed_over_with_a_note(project: Make) -> None:
    root = project({"a": ""})
    os.mkfifo(root / "pipe")
    os.mkfifo(root / ".gitignore")
    plan = scan(root)
    assert [entry.name for entry in plan.entries] == ["a"]
    assert [note.split()[0] for note in plan.notes] == [".gitignore", "pipe"]


@pytest.mark.parametrize("name", [b"a\nb", b"a\x1b[31m", b"a\x7f", b"caf\xe9"])
def test_a_name_that_cannot_be_shown_is_refused(project: Make, name: bytes) -> None:
    root = project({})
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).touch()
    with pytest.raises(errors.InvalidPath) as caught:
        scan(root)
    assert caught.value.message.isprintable()


def test_names_of_any_language_are_fine(project: Make) -> None:
    assert scan(project({"données/日本 ☃.txt": "", "a\\b": ""})).count == 2


def test_sizes_read_well() -> None:
    assert [describe_size(size) for size in (0, 1023, 1024, 5 << 20, 1 << 30, 3 << 40)] == [
        "0 B", "1023 B", "1.0 KiB", "5.0 MiB", "1.0 GiB", "3.0 TiB",
    ]  # fmt: skip


def test_a_file_or_folder_that_may_not_be_read_is_left_out_with_a_note(project: Make, tmp_path: Path) -> None:
    root = project({"train.py": "1", "secret": "s", "closed/inner": "i"})
    for name in ("secret", "closed"):
        (root / name).chmod(0)
    with bound_by_modes():
        plan = scan(root)
        packed = pack(plan, tmp_path / "snapshot")
    assert [entry.name for entry in packed.plan.entries] == ["train.py"]
    assert packed.plan.notes == (
        "closed/ stays here: it cannot be read (Permission denied).",
        "secret stays here: it cannot be read (Permission denied).",
    )


def test_a_project_folder_that_may_not_be_read_is_refused(project: Make) -> None:
    root = project({"a": ""})
    root.chmod(0)
    with bound_by_modes(), pytest.raises(errors.InvalidPath, match="can't be read: Permission denied") as caught:
        scan(root)
    assert caught.value.hint


@pytest.mark.parametrize(
    "links",
    [
        {"loop": "loop"},
        {"p": "q", "q": "p"},
        {"loop": "{root}/loop"},
        {"sub/loop": "../sub/loop"},
        {"loop": "loop/below"},
        {str(number): str(number + 1) for number in range(1_500)},
    ],
)
def test_loops_and_chains_of_links_go_along_with_a_note(project: Make, tmp_path: Path, links: dict[str, str]) -> None:
    root = project({"train.py": "1", "sub/a": ""})
    for name, target in links.items():
        (root / name).symlink_to(target.format(root=root))
    plan = scan(root)
    assert {entry.name for entry in plan.entries if entry.kind == "link"} == set(links)
    assert any("leads nowhere but to links" in note for note in plan.notes)
    unpack(pack(plan, tmp_path / "snapshot").path, tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / next(iter(links))).is_symlink()
    assert (tmp_path / "unpacked" / "train.py").read_text() == "1"


def test_a_loop_that_leads_out_is_refused_as_any_link_that_does(project: Make) -> None:
    root = project({"a": ""})
    (root / "l").symlink_to("../back")
    (root.parent / "back").symlink_to(root / "l")
    with pytest.raises(errors.InvalidPath, match="leads out"):
        scan(root)


def test_folders_nested_too_deeply_stay_with_a_note_and_those_beside_them_go(project: Make, tmp_path: Path) -> None:
    root = project({"train.py": "1"})
    handle = os.open(root, os.O_RDONLY)
    for _ in range(2_500):
        os.mkdir("a", dir_fd=handle)
        inner = os.open("a", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    try:
        plan = scan(root)
        unpack(pack(plan, tmp_path / "snapshot").path, tmp_path / "unpacked")
    finally:
        remove(root)
    assert (tmp_path / "unpacked" / "train.py").exists()
    assert not remove(tmp_path / "unpacked")
    assert len(plan.notes) == 1
    assert "lies too deep" in plan.notes[0]


def test_of_very_many_notes_the_first_are_shown_with_how_many_more_there_are(project: Make) -> None:
    root = project({})
    for number in range(50):
        os.mkfifo(root / str(number))
    notes = scan(root).notes
    assert len(notes) == 21
    assert notes[-1] == "30 more are like these."


def test_a_file_that_the_disk_does_not_give_is_left_out_with_a_note_and_the_others_go(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, open_ = scan(project({"a": "1", "broken": "2", "c": "3"})), os.open

    def failing(path: str | Path, *options: int) -> int:
        if str(path).endswith("broken"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return open_(path, *options)

    monkeypatch.setattr(os, "open", failing)
    packed = pack(plan, tmp_path / "snapshot", attempts=1)
    assert [entry.name for entry in packed.plan.entries] == ["a", "c"]
    assert packed.plan.notes == ("broken stays here: it cannot be read (Input/output error).",)


def test_a_snapshot_that_cannot_be_written_is_a_sentence(project: Make) -> None:
    with pytest.raises(errors.InvalidPath, match="can't be written") as caught:
        pack(scan(project({"a": "1"})), "/proc/nowhere/snapshot")
    assert "TMPDIR" in caught.value.hint


def test_what_vanishes_between_the_listing_and_the_look_is_no_end_of_it(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project({f"{number}/file": "" for number in range(20)})
    removed = ignore.Ignore.below

    def vanishing(self: ignore.Ignore, folder: Path, inside: str, names: frozenset[str]) -> ignore.Ignore:
        if inside == "0/":
            for number in range(1, 20):
                remove(root / str(number))
        if inside == "0/":
            remove(folder / "file")
        return removed(self, folder, inside, names)

    monkeypatch.setattr(ignore.Ignore, "below", vanishing)
    assert [entry.name for entry in scan(root).entries] == ["0"]
    assert scan(root).notes == ()


@pytest.mark.parametrize("files", [{f"{n}": "" for n in range(9)}, {f"{n}/a": "" for n in range(4)}])
def test_a_folder_of_more_than_a_worker_unpacks_is_refused(
    project: Make, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perijove.code.scanner._MOST", 6)
    with pytest.raises(errors.SnapshotTooLarge, match="more than 6 files and folders"):
        scan(project(files))
