"""Identifiers: how they are made, and which strings are well-formed ones."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from ulid import ULID

from perijove.patterns import ID_PATTERN

CODE_PATTERN = r"^(~[0-9a-f]{64}|git:[0-9a-f]{40})$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
NAME_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"

#: What an identifier or a name in an address or a query may be made of: anything but control characters.
REFERENCE_PATTERN = r"^[^\x00-\x1f\x7f]+$"

#: What an Idempotency-Key may be.
KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"

#: The most characters, and the most bytes, of a path: an index of PostgreSQL's takes some 2,700 bytes a row.
PATH_CHARACTERS, PATH_BYTES = 1024, 2048

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: The most characters of a title.
_LINE_LIMIT = 200
#: What ends a line or controls a terminal: control characters of ASCII and of ISO 6429 (C1), Unicode's separators.
_NOT_OF_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as ``ex-01jd…``: a prefix and a lower-case ULID.

    ULIDs (https://github.com/ulid/spec) sort by creation time, so a primary key on them inserts at the end of
    its index and a cursor over them pages in order.

    Parameters
    ----------
    prefix : str
        Two or three lower-case letters that say what the identifier names (`ex` execution, `pr` project,
        `wk` worker, `da` datum).
    """
    return new_ids(prefix, 1)[0]


def new_ids(prefix: str, count: int) -> list[str]:
    """Return fresh identifiers in ascending order, as `new_id` makes them: they follow each other as ULIDs may."""
    first = int(ULID())
    return [f"{prefix}-{str(ULID.from_int(first + place)).lower()}" for place in range(count)]


def _no_control_characters(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return value


def _on_one_line(value: str) -> str:
    if _NOT_OF_A_LINE.search(value):
        raise ValueError("must be one line, without control characters")
    return value


def as_line(text: str) -> str:
    """Return a text as a `Line`, such as a title that has a file's name in it: cut, and a space for what is refused."""
    return _NOT_OF_A_LINE.sub(" ", text)[:_LINE_LIMIT]


def is_too_long(path: str) -> bool:
    """Return whether a path has more characters, or more bytes, than a path may have."""
    return len(path) > PATH_CHARACTERS or len(path.encode()) > PATH_BYTES


def _not_too_long(path: str) -> str:
    if is_too_long(path):
        raise ValueError(f"must not have more than {PATH_CHARACTERS:,} characters or {PATH_BYTES:,} bytes")
    return path


def safe_relative_path(value: str) -> str:
    """Return `value` if it is a relative POSIX path that stays inside its folder, else raise ``ValueError``."""
    parts = value.split("/")
    if not value or value.startswith("/") or "\\" in value or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("must be a relative path with no empty, '.' or '..' parts")
    return _no_control_characters(value)


ExecutionId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
WorkerId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
#: A content-addressed code version: ``git:<commit>``, or ``~<sha256>`` for an ad-hoc snapshot.
CodeVersionId = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
#: The name of a group, project, input or store: letters, digits, ``.``, ``_`` and ``-``; no slash.
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
#: What names something that has a name and an id, such as a project; nothing is said of whether it exists.
Reference = Annotated[str, StringConstraints(pattern=REFERENCE_PATTERN, max_length=400)]
#: Free text on one line, such as a title.
Line = Annotated[str, StringConstraints(max_length=_LINE_LIMIT), AfterValidator(_on_one_line)]
RelativePath = Annotated[
    str,
    StringConstraints(max_length=PATH_CHARACTERS),
    AfterValidator(safe_relative_path),
    AfterValidator(_not_too_long),
]
