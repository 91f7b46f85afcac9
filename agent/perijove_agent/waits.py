"""What an attempt waits for, said where it waits for longer than a moment: in its log, and to the master.

Whoever may wait long does so within `waiting`. Which attempt that is for is known by the context (`contextvars`): a
transfer or a signature serves an attempt without being told of whom it may say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from perijove.model.events import WAITS_LIMIT
from perijove.safe_json import bounded_text

#: Seconds after which a wait is worth a word.
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
        """Say that it goes on for another reason."""
        self.sentence = sentence
        self._on_change(self)


class Waits:
    """Collects the waits of one attempt, and says the one that began last of those that take longer than a moment.

    Parameters
    ----------
    tell : callable
        Hears the sentence; an empty one when nothing is waited for any more.
    log : callable
        Records a line of the log.
    """

    def __init__(
        self, tell: Callable[[str], None], log: Callable[[str, str], Awaitable[None]], after: float = AFTER
    ) -> None:
        self._tell = tell
        self._log = log
        self._after = after
        self._said: list[Wait] = []
        self._told = ""
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
            if wait in self._said:
                self._said.remove(wait)
                self._say()

    def _lasts(self, wait: Wait) -> None:
        self._said.append(wait)
        self._say()

    def _changed(self, wait: Wait) -> None:
        if wait in self._said:
            self._say()

    def _say(self) -> None:
        sentence = bounded_text(self._said[-1].sentence, WAITS_LIMIT) if self._said else ""
        if sentence == self._told:
            return
        self._told = sentence
        self._tell(sentence)
        if sentence and sentence not in self._logged and len(self._logged) < MOST_LINES:
            self._logged.add(sentence)
            self._lines.put_nowait(sentence)


@contextmanager
def waiting(sentence: str) -> Iterator[Wait]:
    """Wait within; whoever looks at the attempt is told `sentence` when that takes longer than a moment."""
    waits = _current.get()
    if waits is None:
        yield Wait(sentence, lambda _: None)
        return
    with waits.during(sentence) as wait:
        yield wait
