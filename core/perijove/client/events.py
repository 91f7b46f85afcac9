"""Following an execution: its records and its changes, across lost connections and restarts of the service."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import ValidationError

from perijove.client.flow import Emit, Open, Read, Request, Sleep, Step, Stream
from perijove.client.problems import lost
from perijove.client.sse import Decoder, Message
from perijove.client.transfer import attempt, repetitions, retry_after
from perijove.errors import ConnectionLost, PerijoveError
from perijove.model.records import RECORD, Record
from perijove.model.resources import Execution
from perijove.patience import Backoff

#: Seconds a follower keeps trying to come back to the service after it last heard of it.
PATIENCE = 600.0
#: Seconds of silence after which a connection counts as lost; the service says something every five. A proxy in between
#: may well keep a connection open whose other end is gone, so silence is all that tells.
SILENCE = 20.0
#: The most seconds between two tries to come back.
_LONGEST_PAUSE = 5.0
_SERVER_FAILURE = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recorded:
    """A record of one attempt's story. When an attempt is superseded, the next one's records start at 1 again."""

    attempt: int
    record: Record


@dataclass(frozen=True)
class Changed:
    """The execution as it stands now; the first item of every stream."""

    execution: Execution


ExecutionEvent = Recorded | Changed


@dataclass
class _Follower:
    """What is known of a stream while its connections come and go."""

    last: tuple[int, int] | None
    ended: bool = False
    waits: Backoff = field(default_factory=lambda: repetitions(_LONGEST_PAUSE))
    heard: float = field(default_factory=time.monotonic)

    def request(self, address: str) -> Request:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.last:
            headers["Last-Event-ID"] = f"{self.last[0]}-{self.last[1]}"
        return Request("GET", address, headers=headers, read_timeout=SILENCE)

    def hear(self) -> None:
        self.heard = time.monotonic()
        self.waits.reset()

    def item(self, message: Message) -> ExecutionEvent | None:
        """Return what a message tells; None if it is nothing new."""
        if message.event == "end":
            self.ended = True
        elif message.event == "execution":
            return Changed(Execution.model_validate_json(message.data))
        elif message.event == "record":
            return self._record(message)
        return None

    def _record(self, message: Message) -> Recorded | None:
        place = position(message.id)
        if self.last is not None and place <= self.last:
            return None
        self.last = place
        try:
            return Recorded(place[0], RECORD.validate_json(message.data))
        except ValidationError:
            _log.warning("Record %s is of a kind this version of perijove does not know; it is left out.", message.id)
            return None


def position(text: str) -> tuple[int, int]:
    """Return the attempt and the record number of an event id such as ``1-57``."""
    attempt_number, _, n = text.partition("-")
    return int(attempt_number), int(n)


def unheard(_failure: PerijoveError) -> None:
    """Say nothing about a connection that is lost."""


def follow(
    address: str,
    after: tuple[int, int] | None = None,
    patience: float = PATIENCE,
    away: Callable[[PerijoveError], None] = unheard,
) -> Stream[ExecutionEvent]:
    """Emit an execution's events after record `after`, in order and each once, until it is final.

    `away` is told of every failure that is waited out.

    Raises
    ------
    perijove.errors.ConnectionLost
        The service was away for longer than `patience` seconds.
    perijove.errors.PerijoveError
        Any other: what the service answered.
    """
    follower = _Follower(after)
    while True:
        failure, response = yield from attempt(Open(follower.request(address)))
        if failure is None:
            failure = yield from _listen(follower)
        elif not _passing(failure, response):
            raise failure
        if follower.ended:
            return
        if time.monotonic() - follower.heard > patience:
            raise failure
        away(failure)
        yield Sleep(retry_after(response) or follower.waits.next())


def _listen(follower: _Follower) -> Generator[Step | Emit[ExecutionEvent], Any, ConnectionLost]:
    """Emit what one connection brings; return why it ended."""
    decoder = Decoder()
    try:
        while chunk := (yield Read()):
            follower.hear()
            for message in decoder.feed(chunk):
                item = follower.item(message)
                if item is not None:
                    yield Emit(item)
    except httpx.TransportError as error:
        return lost(error)
    return ConnectionLost("The Perijove service ended the event stream early.")


def _passing(failure: PerijoveError, response: httpx.Response | None) -> bool:
    """Return whether a failure may pass by itself: nobody answers, or something in between does."""
    return isinstance(failure, ConnectionLost) or response is None or response.status_code >= _SERVER_FAILURE
