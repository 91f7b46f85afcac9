"""What holds for files on local disk beyond the contract: links are not followed, temporary files not reachable."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from perijove.errors import Forbidden, InvalidPath
from perijove.model.events import Verb
from perijove_scheduler.files import local
from perijove_scheduler.files.local import LocalFiles

from .conftest import BASE_URL, keys, left_behind, pieces, read


@pytest.fixture
def secret(root: Path, tmp_path: Path) -> Path:
    """Return a folder outside of the store, to which a link in the store leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    return outside


@pytest.mark.parametrize("key", ["link/secret", "file"])
async def test_a_link_is_not_followed(files: LocalFiles, secret: Path, key: str) -> None:
    with pytest.raises(InvalidPath):
        await read(files, key)
    with pytest.raises(InvalidPath):
        await files.put(key, pieces(b"x"))
    with pytest.raises(InvalidPath):
        await files.delete(key)
    assert (secret / "secret").read_bytes() == b"secret"


async def test_a_link_is_not_listed(files: LocalFiles, secret: Path) -> None:
    await files.put("own", pieces(b"x"))
    assert await keys(files) == ["own"]
    assert left_behind(secret) == [secret / "secret"]


async def test_a_loop_of_links_is_refused_as_any_link(files: LocalFiles, root: Path, secret: Path) -> None:
    (root / "loop").symlink_to("loop")
    for key in ("loop", "loop/below"):
        with pytest.raises(InvalidPath):
            await files.stat(key)
        with pytest.raises(InvalidPath):
            await files.put(key, pieces(b"x"))
    assert await keys(files) == []


async def test_keys_may_be_as_deep_as_they_are_long(files: LocalFiles, root: Path) -> None:
    deep = "/".join(["a"] * 1_000)
    await files.put(deep, pieces(b"x"))
    assert await keys(files) == [deep]
    assert await files.delete_prefix("a/") == 1
    assert not (root / "a").exists()


async def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    files = LocalFiles(tmp_path / "root", b"k" * 32, BASE_URL)
    await files.put("a/b", pieces(b"x"))
    assert (tmp_path / "disk" / "a" / "b").read_bytes() == b"x"


async def test_what_a_killed_writer_left_is_removed_after_a_day(
    files: LocalFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = root / ".incoming"
    incoming.mkdir(parents=True)
    old, recent = incoming / "old", incoming / "recent"
    for path in (old, recent):
        path.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86400
    os.utime(old, (two_days_ago, two_days_ago))
    await files.put("key", pieces(b"x"))
    assert left_behind(incoming) == [recent]
    # Too young when the service started, it goes while that runs.
    os.utime(recent, (two_days_ago, two_days_ago))
    monkeypatch.setattr(local, "SWEEP_EVERY", 0.0)
    await files.put("key", pieces(b"x"))
    assert left_behind(incoming) == []


async def test_temporary_files_have_no_key(files: LocalFiles) -> None:
    with pytest.raises(InvalidPath):
        await files.stat(".incoming/x")


async def test_a_signed_url_leads_back_to_its_key(files: LocalFiles) -> None:
    key = "out/ä ö?&=%2F#1.bin"
    url = urlsplit(files.sign(Verb.GET, key, 60, "plot.png", "image/png"))
    served = unquote(url.path).removeprefix("/services/perijove/files/")
    grant = files.verify("GET", served, dict(parse_qsl(url.query)))
    assert served == key
    assert (grant.name, grant.media_type) == ("plot.png", "image/png")


async def test_a_signed_url_is_for_one_object_only(files: LocalFiles) -> None:
    query = dict(parse_qsl(urlsplit(files.sign(Verb.GET, "mine", 60)).query))
    with pytest.raises(Forbidden):
        files.verify("GET", "yours", query)
