"""Reads a snapshot's entries. The archive is not trusted: it says what it likes, and every entry is checked."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import zstandard
from typing_extensions import Self

from perijove import errors
from perijove.code.names import check_name, stays_inside
from perijove.code.plan import DEFAULT_LIMIT
from perijove.model.sizes import describe_size

_CHUNK = 1 << 20
#: What a tar may hold besides its files' bytes, so that a flood of headers meets the limit too.
_HEADERS = 1 << 30
#: The most entries, and bytes of a header that says more of an entry than fits a block, such as a long name: the
#: library reads it whole, whatever size it claims.
_ENTRIES, _EXTENSION = 500_000, 64 * 1024
#: The most headers of that kind in a row, as the library reads them one within the other, and bytes of those that are
#: for all entries that follow: it keeps them.
_IN_A_ROW, _GLOBAL = 8, 64 * 1024
#: The most memory that going back in a compressed stream may take: what every reader has to have (RFC 8878), and four
#: times what `pack` uses.
_WINDOW = 8 << 20
_EXTENDS = {
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
}  # fmt: skip
#: A record of such a header: its length, its keyword, and a value.
_RECORD = re.compile(rb"([0-9]{1,5}) ([^=\n]{1,255})=")
_LONG_NUMBER = re.compile(rb"[0-9]{256}")
#: A tar ends with two blocks of zeros.
_END = 2 * tarfile.BLOCKSIZE


def inspect(source: str | Path | BinaryIO, limit: int = DEFAULT_LIMIT) -> None:
    """Read a snapshot to its end and make nothing of it.

    Parameters
    ----------
    source : str, Path or binary file
        The archive.
    limit : int
        The most bytes its files together may have, uncompressed.

    Raises
    ------
    perijove.errors.InvalidPath, perijove.errors.SnapshotTooLarge, perijove.errors.InvalidRequest
        As `perijove.code.unpack` raises them.
    """
    # Digests: names may be long, and there may be many.
    seen: set[bytes] = set()
    with ExitStack() as stack, refusing_damage():
        file = stack.enter_context(Path(source).open("rb")) if isinstance(source, (str, Path)) else source
        for _, member in entries(file, limit):
            name = member.name.rstrip("/")
            digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
            if digest in seen and not member.isdir():
                raise stands_twice(name)
            seen.add(digest)


def entries(source: BinaryIO, limit: int, code: str = "") -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Iterate over a snapshot's entries, each checked; at the end the whole archive was.

    With `code`, ``~`` and a SHA-256, the bytes read must be those.
    """
    file = _Digested(source)
    left = limit
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    with decompressor.stream_reader(cast("IO[bytes]", file), closefd=False) as stream:
        bounded = _Bounded(stream, limit)
        with _Archive.open(fileobj=cast("IO[bytes]", bounded), mode="r|") as tar:
            for number, member in enumerate(tar, 1):
                tar.members = []  # type: ignore[attr-defined]  # the library keeps every entry it has read
                left -= member.size
                if left < 0 or number > _ENTRIES:
                    raise _too_large(limit)
                if member.size < 0:
                    raise _damaged()
                _check(member)
                yield tar, member
        bounded.drain()
    if code and file.drain() != code:
        raise _damaged()


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what the libraries raise at bytes that are no snapshot into our error."""
    try:
        yield
    except (
        tarfile.TarError, zstandard.ZstdError, EOFError, ValueError, LookupError, ArithmeticError, RecursionError,
        MemoryError,
    ) as error:  # fmt: skip
        # tarfile lets the last five out where a header's numbers or records are none, or its size is a lie
        raise _damaged() from error


def stands_twice(name: str) -> errors.InvalidPath:
    """Return the refusal of a second entry of the same name."""
    return errors.InvalidPath(f"The snapshot's entry {name!r} stands twice in it.")


def _check(member: tarfile.TarInfo) -> None:
    name = check_name(member.name)
    if member.issym():
        if not stays_inside(name, member.linkname):
            raise errors.InvalidPath(f"The snapshot's link {name!r} leads out of the project folder.")
    elif not (member.isdir() or member.isreg()):
        raise errors.InvalidPath(f"The snapshot's entry {name!r} is neither a file, a folder nor a symbolic link.")


def _damaged() -> errors.InvalidRequest:
    return errors.InvalidRequest("The code snapshot is damaged, or not a tar.zst archive.", "Send it again.")


def _too_large(limit: int) -> errors.SnapshotTooLarge:
    return errors.SnapshotTooLarge(f"The code snapshot unpacks to more than the limit of {describe_size(limit)}.")


class _Member(tarfile.TarInfo):
    """An entry that may not claim what would have the library read, recurse or search without end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read an entry's block."""
        member = super().frombuf(buf, encoding, errors)
        if (member.type in _EXTENDS and member.size > _EXTENSION) or member.type == tarfile.GNUTYPE_SPARSE:
            raise _damaged()
        return member

    def _proc_member(self, archive: _Archive) -> Self | None:
        archive.in_a_row = archive.in_a_row + 1 if self.type in _EXTENDS else 0
        archive.for_all += self.size if self.type == tarfile.XGLTYPE else 0
        if archive.in_a_row > _IN_A_ROW or archive.for_all > _GLOBAL:
            raise _damaged()
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]  # the library's own seam

    def _proc_pax(self, archive: _Archive) -> Self:
        stream = archive.fileobj
        header = stream.read(-(-self.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE) if stream else b""
        check_records(header[: self.size])
        archive.fileobj = cast("IO[bytes]", _Again(header, stream))
        try:
            return super()._proc_pax(archive)  # type: ignore[misc,no-any-return]  # as above
        finally:
            archive.fileobj = stream


class _Archive(tarfile.TarFile):
    """A tar that counts its extended headers: those in a row, and the bytes of those that are for all that follows."""

    tarinfo = _Member
    in_a_row = 0
    for_all = 0


class _Again:
    """A stream of which one piece was read already, and is read again."""

    def __init__(self, piece: bytes, stream: Any) -> None:
        self.piece: bytes | None = piece
        self.stream = stream

    def read(self, size: int) -> bytes:
        piece, self.piece = self.piece, None
        return self.stream.read(size) if piece is None else piece

    def tell(self) -> int:
        return self.stream.tell()  # type: ignore[no-any-return]


def check_records(header: bytes) -> None:
    """Refuse an extended header that is not one record after another: the library takes any, and then a square's time.

    So are maps of holes refused, and numbers longer than any name that it searches from each of their digits.

    Raises
    ------
    perijove.errors.InvalidRequest
        It is none of ours, nor of any tool that packs project folders.
    """
    place = 0
    while place < len(header):
        record = _RECORD.match(header, place)
        if record is None or record[2].startswith(b"GNU.sparse."):
            raise _damaged()
        end = place + int(record[1])
        if end < record.end() or header[end - 1 : end] != b"\n":
            raise _damaged()
        place = end
    if _LONG_NUMBER.search(header):
        raise _damaged()


class _Digested:
    """A file whose bytes are digested as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = _CHUNK) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data

    def drain(self) -> str:
        """Read to the end; return the id of all that was read."""
        while self.read(_CHUNK):
            pass
        return f"~{self.digest.hexdigest()}"


class _Bounded:
    """A tar stream that ends in an error once it gave more than a snapshot of `limit` bytes can have."""

    def __init__(self, stream: zstandard.ZstdDecompressionReader, limit: int) -> None:
        self.stream = stream
        self.limit = limit
        self.left = limit + _HEADERS
        self.tail = b""

    def read(self, size: int = _CHUNK) -> bytes:
        data = self.stream.read(size)
        self.left -= len(data)
        self.tail = (self.tail + data[-_END:])[-_END:]
        if self.left < 0:
            raise _too_large(self.limit)
        return data

    def drain(self) -> None:
        """Read to the end, where zstd's checksum stands; a tar cut off before its own end mark is refused."""
        while self.read(_CHUNK):
            pass
        if self.tail != bytes(_END):
            raise _damaged()
