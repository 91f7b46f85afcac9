"""A place for objects, as a protocol: local disk implements it, and S3 and its kin will."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perijove.model.events import Verb

_NOTEBOOK = re.compile(r"notebooks/([0-9a-f]+)\.ipynb")
#: Keys that name their content by its digest: of notebooks, snapshots and payloads.
_CONTENT_ADDRESSED = re.compile(
    r"(?:notebooks/([0-9a-f]{64})\.ipynb|code/~([0-9a-f]{64})\.tar\.zst|payloads/[^/]+/[^/]+/([0-9a-f]{64}))"
)

#: Judges a whole content, in a file of this machine, before it becomes an object; it raises what it finds.
Check = Callable[[Path], Awaitable[None]]


@dataclass(frozen=True)
class Stored:
    """What an object is.

    Attributes
    ----------
    size : int
        In bytes.
    sha256 : str, optional
        Of what was written, where this store wrote it itself just now.
    modified : float
        When it was written, in seconds since the epoch; two are equal whenever they were written.
    """

    key: str
    size: int
    sha256: str | None = None
    modified: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Upload:
    """What a worker says it has uploaded: for which object, and the content's digest and size."""

    key: str
    sha256: str
    size: int


class Files(Protocol):
    """Objects by key. A key is a relative POSIX path; an object is written whole or not at all."""

    async def put(
        self,
        key: str,
        body: AsyncIterable[bytes],
        limit: int | None = None,
        sha256: str | None = None,
        check: Check | None = None,
    ) -> Stored:
        """Write an object from a stream, atomically; nothing is buffered whole.

        A key that names a digest takes that content only (`digest_in`), so that nobody's object becomes another one.

        Raises
        ------
        perijove.errors.TooLarge
            The stream is longer than `limit` bytes; nothing is left behind.
        perijove.errors.InvalidRequest
            The stream's digest is not `sha256`, or not the one that the key names; nothing is left behind.
        perijove.errors.PerijoveError
            What `check` raises; nothing is left behind.
        """

    async def receive(self, key: str, body: AsyncIterable[bytes], limit: int) -> Stored:
        """Take an upload by a signed URL that is to become the object `key`; nobody sees it until it is settled.

        However often the URL is used, an object that is there stays as it is. What its own digest names is written at
        once: nobody can put anything else in its place.
        """

    async def settle(self, uploads: Sequence[Upload], *, replace: bool = False) -> list[Upload]:
        """Make uploads the objects they are for; return those whose bytes are not there.

        Harmless to repeat: what is settled already, with that size, counts as there. With `replace`, an object that is
        there gives way to the upload.
        """

    def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Iterate over an object's bytes from `start` to before `end`. Raises `perijove.errors.NotFound`."""

    async def stat(self, key: str) -> Stored | None:
        """Return an object's size, or None if there is none."""

    async def delete(self, key: str) -> None:
        """Delete an object; it is no error if there is none."""

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key starts with `prefix` (which ends with a slash); return how many."""

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """Iterate over the objects whose key starts with `prefix`."""

    def sign(self, verb: Verb, key: str, seconds: int, name: str = "", media_type: str = "") -> str:
        """Return a URL that lets its holder do `verb` on `key` for `seconds` seconds.

        `name` and `media_type`, where given, become the Content-Disposition and Content-Type of a GET.
        """


def code_key(code: str) -> str:
    """Return where a code version lies: ``code/~<sha256>.tar.zst``."""
    return f"code/{code.replace(':', '-')}.tar.zst"


def notebook_key(sha256: str) -> str:
    """Return where a submitted notebook document lies."""
    return f"notebooks/{sha256}.ipynb"


def upload_key(key: str, sha256: str) -> str:
    """Return where an upload lies that is to become the object `key`: below its execution's and attempt's own prefix.

    The digest of the object's key and that of the content make its name, so one upload never replaces another.
    """
    _, execution, attempt = (*key.split("/"), "", "")[:3]
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"uploads/{execution}/{attempt.partition('.')[0]}/{name}.{sha256}"


def notebook_of(key: str) -> str | None:
    """Return the digest of the document that lies there; None for what is none."""
    match = _NOTEBOOK.fullmatch(key)
    return match and match[1]


def digest_in(key: str) -> str | None:
    """Return the SHA-256 that an object's key names as that of its content; None for keys that name none."""
    match = _CONTENT_ADDRESSED.fullmatch(key)
    return next(filter(None, match.groups()), None) if match else None


def attempt_prefix(execution: str, attempt: int) -> str:
    """Return the prefix an attempt's outputs are uploaded under; it ends with a slash."""
    return f"outputs/{execution}/{attempt}/"


def log_key(execution: str, attempt: int) -> str:
    """Return where the records of an attempt that ended lie, from after its last segment on: JSON lines, zstd."""
    return f"logs/{execution}/{attempt}.jsonl.zst"


def segments_prefix(execution: str, attempt: int) -> str:
    """Return the prefix of an attempt's segments; it ends with a slash."""
    return f"logs/{execution}/{attempt}/"


def segment_key(execution: str, attempt: int, first: int, last: int) -> str:
    """Return where those records of an attempt lie that were stored while it went on: JSON lines, zstd."""
    return f"{segments_prefix(execution, attempt)}{first}-{last}.jsonl.zst"


def payload_key(execution: str, attempt: int, sha256: str) -> str:
    """Return where a record's large payload lies."""
    return f"payloads/{execution}/{attempt}/{sha256}"
