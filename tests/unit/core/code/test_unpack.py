from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from perijove import errors
from perijove.code import pack, scan, unpack

Archive = Callable[[Iterable[tarfile.TarInfo]], Path]


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, target
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, tarfile.SYMTYPE, target=target)


@pytest.mark.parametrize(
    "members",
    [
        [member("../evil")],
        [member("/evil")],
        [member("a/../../evil")],
        [member("./a")],
        [member("a//b")],
        [member("a\nb")],
        [link("l", "..")],
        [link("l", "/etc")],
        [link("a/l", "../../x")],
        [link("k", "."), link("l", "k/..")],
        [link("l", "")],
        [link("sub", "."), member("sub/x")],
        [link("sub", "other"), link("sub/l", "..")],
        [member("other", tarfile.DIRTYPE), link("other/k", ".."), link("l", "other/k/../..")],
        [member("l", tarfile.LNKTYPE, target="/etc/passwd")],
        [member("d", tarfile.CHRTYPE)],
        [member("d", tarfile.BLKTYPE)],
        [member("p", tarfile.FIFOTYPE)],
        [member("a"), member("a")],
        [member("a"), member("a/b")],
        [member("a"), member("a", tarfile.DIRTYPE)],
        [member("a"), link("a", "b")],
    ],
    ids=lambda members: " ".join(f"{m.name}>{m.linkname}" if m.linkname else f"{m.name}:{m.type!r}" for m in members),
)
def test_a_hostile_archive_leaves_nothing_behind(
    archive: Archive, tmp_path: Path, members: list[tarfile.TarInfo]
) -> None:
    path = archive([member("innocent"), *members])
    with pytest.raises(errors.InvalidPath):
        unpack(path, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []
    assert sorted(item.name for item in tmp_path.iterdir()) == ["hostile.tar.zst", "there"]


def test_set_user_id_bits_are_dropped(archive: Archive, tmp_path: Path) -> None:
    info = member("a")
    info.mode = 0o6777
    unpack(archive([info]), tmp_path / "there")
    assert (tmp_path / "there/a").stat().st_mode & 0o7000 == 0


def test_a_bomb_meets_the_limit(archive: Archive, tmp_path: Path) -> None:
    path = archive([member(f"{n}", size=1 << 20) for n in range(8)])
    with pytest.raises(errors.SnapshotTooLarge, match=r"4\.0 MiB"):
        unpack(path, tmp_path / "there", limit=4 << 20)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_flood_of_padding_meets_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.code.entries._HEADERS", 1 << 20)
    path = tmp_path / "zeros.tar.zst"
    path.write_bytes(zstandard.compress(bytes(4 << 20)))
    with pytest.raises(errors.SnapshotTooLarge):
        unpack(path, tmp_path / "there", limit=0)


@pytest.mark.parametrize("damage", ["cut", "flipped", "not zstd", "empty", "not tar"])
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a").write_bytes(bytes(range(256)) * 999)
    path = pack(scan(root), tmp_path / "x").path
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "flipped": bytes(flipped),
            "not zstd": b"PK\x03\x04" * 100,
            "empty": b"",
            "not tar": zstandard.compress(b"hello" * 1000),
        }[damage]
    )
    with pytest.raises(errors.InvalidRequest, match="damaged"):
        unpack(path, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_another_archive_than_the_named_one_is_refused(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidRequest, match="damaged"):
        unpack(archive([member("a")]), tmp_path / "there", code=f"~{'0' * 64}")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_stream_unpacks_as_a_file_does(archive: Archive, tmp_path: Path) -> None:
    stream = io.BytesIO(archive([member("a", size=3)]).read_bytes())
    unpack(stream, tmp_path / "there")
    assert (tmp_path / "there/a").read_bytes() == bytes(3)


def test_a_folder_with_something_in_it_is_not_unpacked_into(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine").touch()
    with pytest.raises(errors.Conflict, match="not empty"):
        unpack(archive([member("a")]), tmp_path / "there")
    assert (tmp_path / "there/mine").exists()
