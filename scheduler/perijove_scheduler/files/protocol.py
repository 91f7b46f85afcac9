"""A place for objects, as a protocol: local disk implements it, and S3 and its kin will."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from perijove.model.events import Verb

_NOTEBOOK = re.compile(r"notebooks/([0-9a-f]+)\.ipynb")


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


class Files(Protocol):
    """Objects by key. A key is a relative POSIX path; an object is written whole or not at all."""

    async def put(
        self, key: str, body: AsyncIterable[bytes], limit: int | None = None, sha256: str | None = None
    ) -> Stored:
        """Write an object from a stream, atomically; nothing is buffered whole.

        Raises
        ------
        perijove.errors.TooLarge
            The stream is longer than `limit` bytes; nothing is left behind.
        perijove.errors.InvalidRequest
            `sha256` is given and is not the stream's; nothing is left behind.
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


def notebook_of(key: str) -> str | None:
    """Return the digest of the document that lies there; None for what is none."""
    match = _NOTEBOOK.fullmatch(key)
    return match and match[1]


def attempt_prefix(execution: str, attempt: int) -> str:
    """Return the prefix an attempt's outputs are uploaded under; it ends with a slash."""
    return f"outputs/{execution}/{attempt}/"


def log_key(execution: str, attempt: int) -> str:
    """Return where an attempt's archived records lie: JSON lines, zstd."""
    return f"logs/{execution}/{attempt}.jsonl.zst"


def payload_key(execution: str, attempt: int, sha256: str) -> str:
    """Return where a record's large payload lies."""
    return f"payloads/{execution}/{attempt}/{sha256}"
