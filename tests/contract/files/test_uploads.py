"""Uploads by signed URLs: nobody sees them until they are settled, and what is settled stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest

from perijove.errors import InvalidRequest
from perijove_scheduler.files.protocol import Upload

KEY = "outputs/ex-1/1/a/model.bin"


async def body(content: bytes) -> AsyncIterator[bytes]:
    yield content


def upload(content: bytes, key: str = KEY) -> Upload:
    return Upload(key, hashlib.sha256(content).hexdigest(), len(content))


async def read(files, key: str = KEY) -> bytes | None:
    if await files.stat(key) is None:
        return None
    return b"".join([chunk async for chunk in files.get(key)])


async def stored(files, prefix: str) -> list[str]:
    return [each.key async for each in files.list(prefix)]


async def test_an_upload_is_an_object_once_it_is_settled_and_not_before(files) -> None:
    await files.receive(KEY, body(b"one"), 100)
    assert await read(files) is None
    assert await files.settle([upload(b"one")]) == []
    assert await read(files) == b"one"
    assert await stored(files, "uploads/") == []


async def test_an_upload_after_the_end_does_not_replace_what_was_committed(files) -> None:
    await files.receive(KEY, body(b"one"), 100)
    await files.settle([upload(b"one")])
    await files.receive(KEY, body(b"two"), 100)
    assert await read(files) == b"one"
    assert await files.settle([upload(b"two!")]) == [upload(b"two!")]
    await files.receive(KEY, body(b"later"), 100)
    assert await files.settle([upload(b"later")]) == [upload(b"later")]
    assert await read(files) == b"one"


async def test_an_upload_that_comes_between_the_first_and_the_manifest_is_not_what_the_manifest_names(files) -> None:
    for content in (b"one", b"two", b"six"):
        await files.receive(KEY, body(content), 100)
    assert await files.settle([upload(b"two")]) == []
    assert await read(files) == b"two"


async def test_settling_again_after_a_crash_finds_what_is_settled(files) -> None:
    await files.receive(KEY, body(b"one"), 100)
    for _ in range(2):
        assert await files.settle([upload(b"one")]) == []
    assert await read(files) == b"one"


async def test_what_is_not_there_or_of_another_size_or_content_is_named(files) -> None:
    await files.receive(KEY, body(b"one"), 100)
    lies = [upload(b"other"), Upload(KEY, upload(b"one").sha256, 4), upload(b"one", "outputs/ex-1/1/b")]
    assert await files.settle(lies) == lies
    assert await read(files) is None


async def test_a_longer_archive_replaces_the_one_that_is_there(files) -> None:
    key = "logs/ex-1/1.jsonl.zst"
    for content in (b"one", b"longer"):
        await files.receive(key, body(content), 100)
        assert await files.settle([upload(content, key)], replace=True) == []
    assert await read(files, key) == b"longer"


async def test_what_its_digest_names_is_there_at_once_and_nothing_else_in_its_place(files) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    key = f"payloads/ex-1/1/{digest}"
    await files.receive(key, body(b"one"), 100)
    with pytest.raises(InvalidRequest):
        await files.receive(key, body(b"two"), 100)
    assert await read(files, key) == b"one"


async def test_uploads_lie_below_their_executions_own_prefix(files) -> None:
    await files.receive(KEY, body(b"one"), 100)
    await files.receive("logs/ex-1/1.jsonl.zst", body(b"two"), 100)
    assert len(await stored(files, "uploads/ex-1/1/")) == 2
    assert await files.delete_prefix("uploads/ex-1/") == 2
