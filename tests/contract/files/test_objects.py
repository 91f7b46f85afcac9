"""The contract of `Files`: objects are written whole or not at all, and keys stay inside the store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perijove.errors import Conflict, InvalidPath, InvalidRequest, NotFound, TooLarge
from perijove.model.events import Verb
from perijove_scheduler.files.protocol import Files, Stored

from .conftest import keys, left_behind, pieces, read

MEGABYTE = 1024 * 1024


async def test_what_is_put_is_read_back_with_its_size_and_digest(files: Files) -> None:
    stored = await files.put("a/b/c.txt", pieces(b"hello ", b"world"))
    assert stored == Stored("a/b/c.txt", 11, hashlib.sha256(b"hello world").hexdigest())
    assert await read(files, "a/b/c.txt") == b"hello world"
    found = await files.stat("a/b/c.txt")
    assert found == Stored("a/b/c.txt", 11)
    assert found is not None
    assert found.modified > 0


async def test_an_empty_object_is_an_object(files: Files) -> None:
    assert (await files.put("empty", pieces())).size == 0
    assert await read(files, "empty") == b""
    assert await files.stat("empty") == Stored("empty", 0)


async def test_a_large_object_comes_back_in_pieces_and_unchanged(files: Files) -> None:
    parts = [bytes([n]) * 700_001 for n in range(12)]
    await files.put("large", pieces(*parts))
    chunks = [chunk async for chunk in files.get("large")]
    assert b"".join(chunks) == b"".join(parts)
    assert max(map(len, chunks)) <= MEGABYTE


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 7, b"3456"), (0, 0, b""), (9, 99, b"9"), (10, None, b"")],
)
async def test_a_range_is_read(files: Files, start: int, end: int | None, expected: bytes) -> None:
    await files.put("digits", pieces(b"0123456789"))
    assert await read(files, "digits", start, end) == expected


async def test_a_second_put_replaces_the_object(files: Files) -> None:
    await files.put("key", pieces(b"old and longer"))
    await files.put("key", pieces(b"new"))
    assert await read(files, "key") == b"new"


async def test_a_reader_goes_on_with_the_object_it_opened(files: Files) -> None:
    await files.put("key", pieces(b"o" * 3 * MEGABYTE))
    reader = files.get("key")
    first = await anext(reader)
    await files.put("key", pieces(b"n"))
    assert first + b"".join([chunk async for chunk in reader]) == b"o" * 3 * MEGABYTE


async def test_a_stream_over_the_limit_leaves_nothing_behind(files: Files, root: Path) -> None:
    with pytest.raises(TooLarge):
        await files.put("key", pieces(b"x" * 8, b"y" * 8), limit=15)
    assert left_behind(root) == []


async def test_a_stream_of_exactly_the_limit_is_stored(files: Files) -> None:
    assert (await files.put("key", pieces(b"x" * 15), limit=15)).size == 15


async def test_a_wrong_digest_leaves_nothing_behind(files: Files, root: Path) -> None:
    with pytest.raises(InvalidRequest):
        await files.put("key", pieces(b"x"), sha256="0" * 64)
    assert left_behind(root) == []


async def test_the_right_digest_is_accepted(files: Files) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert (await files.put("key", pieces(b"x"), sha256=digest)).sha256 == digest


async def test_a_body_that_breaks_off_leaves_the_old_object(files: Files, root: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2 * MEGABYTE
        raise ConnectionResetError

    await files.put("key", pieces(b"old"))
    with pytest.raises(ConnectionResetError):
        await files.put("key", broken())
    assert await read(files, "key") == b"old"
    assert len(left_behind(root)) == 1


async def test_a_cancelled_put_leaves_nothing_behind(files: Files, root: Path) -> None:
    stalled = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield b"x" * 2 * MEGABYTE
        stalled.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(files.put("key", stalling()))
    await stalled.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert left_behind(root) == []


async def test_an_object_appears_only_when_it_is_whole(files: Files) -> None:
    half, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 2 * MEGABYTE
        half.set()
        await go.wait()
        yield b"y"

    putting = asyncio.create_task(files.put("key", slow()))
    await half.wait()
    assert await files.stat("key") is None
    assert await keys(files) == []
    go.set()
    await putting
    assert await keys(files) == ["key"]


async def test_what_is_not_there_is_not_found(files: Files) -> None:
    assert await files.stat("nothing/here") is None
    with pytest.raises(NotFound):
        await read(files, "nothing/here")


async def test_a_folder_of_objects_is_no_object(files: Files) -> None:
    await files.put("a/b", pieces(b"x"))
    assert await files.stat("a") is None
    with pytest.raises(NotFound):
        await read(files, "a")


@pytest.mark.parametrize("key", ["a", "a/b/c"])
async def test_a_name_is_an_object_or_a_folder(files: Files, root: Path, key: str) -> None:
    await files.put("a/b", pieces(b"x"))
    with pytest.raises(Conflict):
        await files.put(key, pieces(b"y"))
    assert len(left_behind(root)) == 1


async def test_deleting_twice_is_harmless(files: Files, root: Path) -> None:
    await files.put("a/b/c", pieces(b"x"))
    await files.delete("a/b/c")
    await files.delete("a/b/c")
    assert await files.stat("a/b/c") is None
    assert not (root / "a").exists()


async def test_deleting_a_prefix_leaves_the_rest(files: Files) -> None:
    for key in ("out/1/a", "out/1/b/c", "out/10/a", "out/2/a"):
        await files.put(key, pieces(b"x"))
    assert await files.delete_prefix("out/1/") == 2
    assert await keys(files) == ["out/10/a", "out/2/a"]
    assert await files.delete_prefix("out/1/") == 0


async def test_a_prefix_to_delete_ends_with_a_slash(files: Files) -> None:
    with pytest.raises(InvalidPath):
        await files.delete_prefix("")


async def test_list_shows_keys_and_sizes_below_a_prefix(files: Files) -> None:
    for key in ("b/2", "a/1", "b/10", "bc"):
        await files.put(key, pieces(key.encode()))
    assert await keys(files) == ["a/1", "b/10", "b/2", "bc"]
    assert [stored async for stored in files.list("b/1")] == [Stored("b/10", 4)]
    assert await keys(files, "nothing/") == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\\b", "a\0b", "a\nb"])
async def test_a_key_that_leaves_its_folder_is_refused_everywhere(files: Files, root: Path, key: str) -> None:
    with pytest.raises(InvalidPath):
        await files.put(key, pieces(b"x"))
    with pytest.raises(InvalidPath):
        await read(files, key)
    with pytest.raises(InvalidPath):
        await files.stat(key)
    with pytest.raises(InvalidPath):
        await files.delete(key)
    with pytest.raises(InvalidPath):
        files.sign(Verb.PUT, key, 60)
    assert left_behind(root) == []


@pytest.mark.parametrize("key", ["n" * 256, "/".join(["nn"] * 1000)])
async def test_a_key_too_long_for_a_store_is_refused(files: Files, key: str) -> None:
    with pytest.raises(InvalidPath):
        await files.put(key, pieces(b"x"))
    with pytest.raises(InvalidPath):
        await files.stat(key)


@pytest.mark.parametrize("key", ["out/model#1", "out/ä ö?&=%2F.bin", "out/-rf", "out/*", "out/…"])
async def test_people_name_their_outputs_as_they_like(files: Files, key: str) -> None:
    await files.put(key, pieces(b"x"))
    assert await keys(files, "out/") == [key]
    assert await read(files, key) == b"x"


async def test_many_writers_of_one_key_leave_one_whole_object(files: Files, root: Path) -> None:
    bodies = [bytes([n]) * 100_000 for n in range(16)]
    await asyncio.gather(*(files.put("key", pieces(body)) for body in bodies))
    assert await read(files, "key") in bodies
    assert len(left_behind(root)) == 1


async def test_writing_into_a_folder_while_it_is_deleted_works(files: Files) -> None:
    async def put_and_delete(n: int) -> None:
        await files.put(f"folder/{n}", pieces(b"x"))
        await files.delete(f"folder/{n}")

    await asyncio.gather(*(put_and_delete(n) for n in range(40)))
    assert await keys(files) == []


@pytest.mark.parametrize("key", ["notebooks/{}.ipynb", "code/~{}.tar.zst", f"payloads/ex-{'0' * 26}/1/{{}}"])
async def test_an_object_that_is_named_by_its_content_takes_no_other(files: Files, root: Path, key: str) -> None:
    content, other = b"what it is", b"something else"
    key = key.format(hashlib.sha256(content).hexdigest())
    with pytest.raises(InvalidRequest):
        await files.put(key, pieces(other))
    assert left_behind(root) == []
    await files.put(key, pieces(content))
    with pytest.raises(InvalidRequest):
        await files.put(key, pieces(other))
    assert await read(files, key) == content


async def test_what_a_check_refuses_never_becomes_an_object(files: Files, root: Path) -> None:
    seen = []

    async def check(path: Path) -> None:
        seen.append(await asyncio.to_thread(path.read_bytes))
        raise InvalidPath("It leads out.")

    await files.put("a/b", pieces(b"before"))
    with pytest.raises(InvalidPath):
        await files.put("a/b", pieces(b"af", b"ter"), check=check)
    assert (seen, await read(files, "a/b")) == ([b"after"], b"before")
    assert len(left_behind(root)) == 1
