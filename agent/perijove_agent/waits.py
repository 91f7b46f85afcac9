"""What an attempt waits for, reported where it waits for longer than a moment: in its log, and to the master.

Whatever may wait long does so within `waiting`. Which attempt that is for follows from the context (`contextvars`): a
transfer or a signature need not be given the attempt whose wait it reports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from perijove.model.events import WAITS_LIMIT
from perijove.safe_json import bounded_text

#: Seconds after which a wait is reported.
AFTER = 2.0
#: The most lines that one attempt's log gets about what it waits for.
MOST_LINES = 100

_current: ContextVar[Waits | None] = ContextVar("waits", default=None)


class Wait:
    """One wait, from its beginning to its end.

    Attributes
    ----------
    sentence : str
        What is waited for.
    """

    def __init__(self, sentence: str, on_change: Callable[[Wait], None]) -> None:
        self.sentence = sentence
        self._on_change = on_change

    def now(self, sentence: str) -> None:
        """Go on waiting, for another reason."""
        self.sentence = sentence
        self._on_change(self)


class Waits:
    """Collects the waits of one attempt, and reports the one that began last of those that take longer than a moment.

    Parameters
    ----------
    report : callable
        Called with the sentence; with an empty one when nothing is waited for any more.
    log : callable
        Records a line of the log.
    after : float
        Seconds after which a wait is reported.
    """

    def __init__(
        self, report: Callable[[str], None], log: Callable[[str, str], Awaitable[None]], after: float = AFTER
    ) -> None:
        self._report = report
        self._log = log
        self._after = after
        self._long: list[Wait] = []
        self._reported = ""
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._logged: set[str] = set()

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect what is waited for within, and in the tasks that are begun within."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    async def run(self) -> None:
        """Write the log's lines until cancelled."""
        while True:
            await self._log("system", f"{await self._lines.get()}\n")

    @contextmanager
    def during(self, sentence: str) -> Iterator[Wait]:
        """Wait within."""
        wait = Wait(sentence, self._changed)
        timer = asyncio.get_running_loop().call_later(self._after, self._lasts, wait)
        try:
            yield wait
        finally:
            timer.cancel()
            if wait in self._long:
                self._long.remove(wait)
                self._update()

    def _lasts(self, wait: Wait) -> None:
        self._long.append(wait)
        self._update()

    def _changed(self, wait: Wait) -> None:
        if wait in self._long:
            self._update()

    def _update(self) -> None:
        sentence = bounded_text(self._long[-1].sentence, WAITS_LIMIT) if self._long else ""
        if sentence == self._reported:
            return
        self._reported = sentence
        self._report(sentence)
        if sentence and sentence not in self._logged and len(self._logged) < MOST_LINES:
            self._logged.add(sentence)
            self._lines.put_nowait(sentence)


@contextmanager
def waiting(sentence: str) -> Iterator[Wait]:
    """Wait within; when that takes longer than a moment, the attempt's log and its row show `sentence`."""
    waits = _current.get()
    if waits is None:
        yield Wait(sentence, lambda _: None)
        return
    with waits.during(sentence) as wait:
        yield wait
