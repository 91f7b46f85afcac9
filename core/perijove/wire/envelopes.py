"""An event on its way to the master: sealed by its worker, so that nobody else can speak for that worker.

A worker and the master share a key, which the worker is given when it enrols. A header names the event's kind, the
attempt and the document's digest; the seal is an HMAC-SHA256 of worker and header. So an event whose document cannot be
read, or is too large to be looked at, is still known to be this worker's, and of which attempt.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import ValidationError
from typing_extensions import Self

from perijove.model.events import ATTEMPTS, EVENT, Event
from perijove.patterns import is_id
from perijove.wire.limits import EVENT_LIMIT

_DIGITS = 7
#: Of a header or a worker's name that is none: enough for whoever looks at it.
_SHOWN = 200


@dataclass(frozen=True)
class Header:
    """What a header says; `execution` is empty, and `attempt` 0, where the event is of no attempt."""

    kind: str
    execution: str
    attempt: int
    digest: str


@dataclass(frozen=True)
class Envelope:
    """An event as it stands in the stream; anything of it may be somebody's invention until its seal was checked."""

    worker: str
    header: str
    seal: str
    document: bytes = field(repr=False)

    @classmethod
    def of(cls, fields: Mapping[bytes, bytes] | None) -> Self:
        """Read an entry of the stream, whatever it holds."""
        given = fields or {}
        worker, header, seal = (given.get(name, b"")[:_SHOWN].decode(errors="replace") for name in (b"w", b"h", b"m"))
        return cls(worker, header, seal, given.get(b"e", b""))

    @property
    def parts(self) -> tuple[str, str, str, bytes]:
        """Worker, header, seal and document, as the scripts take them."""
        return self.worker, self.header, self.seal, self.document

    @property
    def fields(self) -> dict[str | bytes, str | bytes]:
        """The entry's fields."""
        return {"w": self.worker, "h": self.header, "m": self.seal, "e": self.document}

    @cached_property
    def read_header(self) -> Header | None:
        """What the header says; None where it is none of ours."""
        kind, execution, attempt, digest = (*self.header.split(" "), "", "", "", "")[:4]
        number = attempt_number(attempt)
        if not digest or number is None:
            return None
        if execution and not (is_id(execution) and number):
            return None
        return Header(kind, execution, number, digest)

    @cached_property
    def event(self) -> Event | None:
        """The event; None for a document that is too large, is none, or is of something else than its header says."""
        if len(self.document) > EVENT_LIMIT:
            return None
        try:
            event = EVENT.validate_json(self.document)
        except ValidationError:
            return None
        return event if event.worker == self.worker and _named(event, self.document) == self.header else None

    def is_sealed_with(self, key: str) -> bool:
        """Return whether the seal is one of this key's, and so is the document, unless it is too large to be read."""
        if not hmac.compare_digest(self.seal.encode(), _seal(key, self.worker, self.header).encode()):
            return False
        if len(self.document) > EVENT_LIMIT:
            return True
        header = self.read_header
        return header is not None and header.digest == _digest(self.document)


def attempt_number(text: str) -> int | None:
    """Return the number of an attempt, or 0, that somebody wrote; None for anything else, of whatever length."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) > ATTEMPTS:
        return None
    return int(text)


def sealed(event: Event, key: str) -> Envelope:
    """Return an event as its worker sends it.

    Raises
    ------
    ValueError
        The event cannot be written, or is larger than what the master reads.
    """
    document = event.model_dump_json().encode()
    if len(document) > EVENT_LIMIT:
        raise ValueError(f"the event has {len(document):,} bytes, and at most {EVENT_LIMIT:,} are read")
    header = _named(event, document)
    return Envelope(event.worker, header, _seal(key, event.worker, header), document)


def records_key(event_key: str, execution: str, attempt: int) -> str:
    """Return a key of an attempt's records, from that of the worker that ran it: it serves to archive them, only."""
    return _hmac(event_key, f"records of {execution} {attempt}")


def records_proof(key: str, worker: str) -> str:
    """Return what proves that `worker` has the key of an attempt's records; it is of no use to who reads it."""
    return _hmac(key, worker)


def _named(event: Event, document: bytes) -> str:
    execution, attempt = getattr(event, "execution", ""), getattr(event, "attempt", 0)
    return f"{event.kind} {execution} {attempt} {_digest(document)}"


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _seal(key: str, worker: str, header: str) -> str:
    return _hmac(key, f"{worker} {header}")


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
