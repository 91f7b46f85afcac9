"""Snapshots and inputs that nobody's client would send: refused, while little is read and nothing is kept."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import zstandard
from archives import EVIL, code_id
from sites import Site

from perijove import errors
from perijove.code import inspect, unpack
from perijove_agent.staging.download import DownloadError, download

_MIB = 2**20
_CLAIMED = 512 * _MIB


def _block(name: str, kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def _compressed(pieces: Iterator[bytes]) -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj()
    return b"".join([*map(compressor.compress, pieces), compressor.flush()])


def _zeros(kind: bytes) -> Iterator[bytes]:
    """A header, and as many zeros as it claims."""
    yield _block("x", kind, _CLAIMED)
    for _ in range(_CLAIMED // _MIB):
        yield bytes(_MIB)


def _extended(*lines: bytes) -> bytes:
    """Return an extended header of these ``key=value`` lines, each of which has ten to ninety characters."""
    header = b"".join(b"%d %s\n" % (len(line) + 4, line) for line in lines)
    return _block("x", tarfile.XHDTYPE, len(header)) + header.ljust(512, b"\0")


def _holes() -> Iterator[bytes]:
    """A file with a map of holes that does not end."""
    yield _extended(b"GNU.sparse.major=1", b"GNU.sparse.minor=0")
    yield _block("x", tarfile.REGTYPE, _CLAIMED) + b"9" * 512
    for _ in range(_CLAIMED // _MIB):
        yield b"9" * _MIB


def _raw(header: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return _block("x", kind, len(header)) + header.ljust(-(-len(header) // 512) * 512, b"\0")


def _global_headers() -> Iterator[bytes]:
    """Headers that are for all that follows, and a small file after each, so that they are not in a row."""
    for number in range(2_000):
        value = b"x" * 60_000
        yield _raw(b"60020 comment%06d=%s\n" % (number, value[: 60_020 - 21]), tarfile.XGLTYPE)
        yield _block(f"f{number}", tarfile.REGTYPE, 0)


def _far_back() -> bytes:
    """A good archive that has its reader keep 128 MiB."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    good = [_block("x", tarfile.REGTYPE, 0), bytes(1024)]
    return b"".join([*map(compressor.compress, good), compressor.flush()])


_BOMBS = {
    "a large file": lambda: _compressed(_zeros(tarfile.REGTYPE)),
    "a long extended header": lambda: _compressed(_zeros(tarfile.XHDTYPE)),
    "a long global header": lambda: _compressed(_zeros(tarfile.XGLTYPE)),
    "a long name": lambda: _compressed(_zeros(tarfile.GNUTYPE_LONGNAME)),
    "a long link": lambda: _compressed(_zeros(tarfile.GNUTYPE_LONGLINK)),
    "a file of holes": lambda: _compressed(_zeros(tarfile.GNUTYPE_SPARSE)),
    "a map without numbers": lambda: _compressed(iter([_extended(b"GNU.sparse.map=x"), _block("x", b"0", 0)])),
    "a map of holes": lambda: _compressed(_holes()),
    "global headers for ever": lambda: _compressed(_global_headers()),
    "headers one within the other": lambda: _compressed(_extended(b"comment=abcdef") for _ in range(5_000)),
    "a header of small records": lambda: _compressed(iter([_raw(b"1 " * 30_000 + b"x="), _block("x", b"0", 0)])),
    "a header of digits": lambda: _compressed(
        iter([_raw(b"60010 path=" + b"1" * 59_998 + b"\n"), _block("x", b"0", 0)])
    ),
    "holes in a header": lambda: _compressed(
        iter([_extended(b"GNU.sparse.size=1024"), _block("x", b"0", 0), bytes(1024)])
    ),
    "a window as large as it gets": _far_back,
    "padding after the end": lambda: _compressed(bytes(_MIB) for _ in range(1200)),
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_a_small_archive_that_unpacks_to_much_is_refused_and_never_held(bomb: str, tmp_path: Path) -> None:
    body = _BOMBS[bomb]()
    assert len(body) < _MIB
    tracemalloc.start()
    try:
        for read in (lambda: inspect(io.BytesIO(body), _MIB), lambda: unpack(io.BytesIO(body), tmp_path, _MIB)):
            with pytest.raises((errors.SnapshotTooLarge, errors.InvalidRequest)):
                read()
        assert tracemalloc.get_traced_memory()[1] < 32 * _MIB
    finally:
        tracemalloc.stop()
    assert not list(tmp_path.iterdir())


def test_more_entries_than_a_project_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.code.entries._ENTRIES", 10)
    body = _compressed(iter([*(_block(f"f{number}", tarfile.REGTYPE, 0) for number in range(11)), bytes(1024)]))
    with pytest.raises(errors.SnapshotTooLarge):
        inspect(io.BytesIO(body))


def test_the_service_refuses_them_all_and_keeps_nothing(site: Site) -> None:
    hostile = {**EVIL, **{name: make() for name, make in _BOMBS.items()}}
    files = site.hub.home.path / "files"
    before = {path for path in files.rglob("*") if path.is_file()}
    with site.http("owner") as http:
        for name, body in hostile.items():
            answer = http.put(f"code/{code_id(body)}", content=body)
            assert answer.status_code in {400, 413, 422}, (name, answer.text)
    assert {path for path in files.rglob("*") if path.is_file() and "code" in path.parts} <= before
    assert not [path for path in files.rglob(".incoming/*") if path not in before]


class _Endless(httpx.AsyncByteStream):
    """A body without an end, and how much of it was taken."""

    def __init__(self, piece: bytes) -> None:
        self.piece, self.taken = piece, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 1
            yield self.piece
            await asyncio.sleep(0)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_an_input_that_does_not_end_meets_the_workers_limit(encoding: str, tmp_path: Path) -> None:
    body = _Endless(bytes(_MIB) if encoding == "identity" else gzip.compress(bytes(64 * _MIB)))
    reply = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=body)
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: reply)) as http:
        with pytest.raises(DownloadError, match="larger than this worker's limit"):
            await download(http, "https://example.org/endless", tmp_path, limit=4 * _MIB)
    assert body.taken < 10
    assert not os.listdir(tmp_path)  # noqa: PTH208 - pathlib's way is refused in coroutines
