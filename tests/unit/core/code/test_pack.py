from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perijove import errors
from perijove.code import pack, scan, unpack

Make = Callable[[dict[str, str]], Path]

_names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x7f", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20
)
_parts = _names.filter(lambda name: name not in {".", ".."} and not name.startswith(".") and len(name.encode()) < 200)
_trees = st.dictionaries(_parts, st.tuples(st.binary(max_size=2000), st.booleans()), max_size=6)


def _write(root: Path, files: list[tuple[str, tuple[bytes, bool]]], time: float) -> None:
    for name, (content, executable) in files:
        path = root / f"in {name}" / name
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o700 if executable else 0o640)
        os.utime(path, (time, time))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=_trees)
def test_a_tree_has_one_id_whenever_and_in_whichever_order_it_was_made(tree: dict[str, tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        _write(Path(one), list(tree.items()), 1.0)
        _write(Path(other), list(reversed(tree.items())), 2e9)
        ids = {pack(scan(root), Path(root).parent / f"{Path(root).name}.zst").id for root in (one, other)}
        for root in (one, other):
            (Path(root).parent / f"{Path(root).name}.zst").unlink()
    assert len(ids) == 1


def test_the_id_is_the_digest_of_the_archive_as_it_is_sent(project: Make, tmp_path: Path) -> None:
    packed = pack(scan(project({"a": "1"})), tmp_path / "x.tar.zst")
    content = packed.path.read_bytes()
    assert packed.id == f"~{hashlib.sha256(content).hexdigest()}"
    assert packed.size == len(content)


@pytest.mark.parametrize("change", ["content", "name", "executable", "new"])
def test_what_matters_changes_the_id(project: Make, tmp_path: Path, change: str) -> None:
    root = project({"a": "1"})
    before = pack(scan(root), tmp_path / "1").id
    match change:
        case "content":
            (root / "a").write_text("2")
        case "name":
            (root / "a").rename(root / "b")
        case "executable":
            (root / "a").chmod(0o755)
        case "new":
            (root / "b").mkdir()
    assert pack(scan(root), tmp_path / "2").id != before


def test_nothing_of_this_machine_is_in_the_archive(project: Make, tmp_path: Path) -> None:
    root = project({"run.sh": "#!", "sub/b": "x", "long" * 50: "y"})
    (root / "run.sh").chmod(0o777)
    (root / "l").symlink_to("sub/b")
    with (
        zstandard.open(pack(scan(root), tmp_path / "x").path) as stream,
        tarfile.open(fileobj=io.BytesIO(stream.read())) as tar,
    ):
        found = {m.name: (m.mode, m.mtime, m.uid, m.gid, m.uname, m.gname) for m in tar.getmembers()}
    modes = {name: facts[0] for name, facts in found.items()}
    assert modes == {"l": 0o777, "long" * 50: 0o644, "run.sh": 0o755, "sub": 0o755, "sub/b": 0o644}
    assert {facts[1:] for facts in found.values()} == {(0, 0, 0, "", "")}


def test_unpacking_gives_the_folder_back(project: Make, tmp_path: Path) -> None:
    root = project({"a": "1", "sub/deep/b": "2" * 100_000, "names/ünï ☃": "3"})
    (root / "a").chmod(0o755)
    (root / "empty").mkdir()
    (root / "sub/l").symlink_to("../a")
    packed = pack(scan(root))
    try:
        unpack(packed.path, tmp_path / "there", code=packed.id)
    finally:
        packed.path.unlink()
    assert scan(tmp_path / "there").entries == scan(root).entries
    assert (tmp_path / "there/sub/l").read_text() == "1"
    assert (tmp_path / "there/sub/deep/b").read_text() == "2" * 100_000


def test_an_empty_folder_packs_and_unpacks(project: Make, tmp_path: Path) -> None:
    packed = pack(scan(project({})), tmp_path / "x")
    unpack(packed.path, tmp_path / "there", limit=0)
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("change", ["longer", "shorter", "gone", "pipe"])
def test_a_folder_that_changed_since_the_scan_is_scanned_again(project: Make, tmp_path: Path, change: str) -> None:
    root = project({"a": "123", "b": "4"})
    plan = scan(root)
    (root / "a").unlink()
    match change:
        case "longer":
            (root / "a").write_text("12345")
        case "shorter":
            (root / "a").write_text("1")
        case "pipe":
            os.mkfifo(root / "a")
    packed = pack(plan, tmp_path / "x")
    assert packed.plan.entries == scan(root).entries
    assert packed.id == pack(scan(root), tmp_path / "y").id


def test_a_link_that_took_a_files_place_is_not_followed(project: Make, tmp_path: Path) -> None:
    root = project({"a": "123"})
    plan = scan(root)
    (root / "a").unlink()
    (tmp_path / "secret").write_text("key")
    (root / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(errors.InvalidPath, match="leads out"):
        pack(plan, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_that_keeps_changing_is_named(project: Make, tmp_path: Path) -> None:
    root = project({"train.log": "123"})
    plan = scan(root)
    (root / "train.log").write_text("1234")
    with pytest.raises(errors.Conflict, match=r"train\.log") as caught:
        pack(plan, tmp_path / "x", attempts=1)
    assert caught.value.hint
    assert not (tmp_path / "x").exists()


def test_a_folder_that_grew_over_the_limit_while_it_was_packed_is_refused(project: Make, tmp_path: Path) -> None:
    root = project({"a": "123"})
    plan = scan(root, limit=3)
    (root / "a").write_text("1234")
    with pytest.raises(errors.SnapshotTooLarge):
        pack(plan, tmp_path / "x")
    assert not (tmp_path / "x").exists()
