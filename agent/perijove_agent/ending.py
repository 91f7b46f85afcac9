"""How an attempt's work ended, and how it is asked to end early."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from perijove.model.reasons import Reason
from perijove.safe_json import bounded_text
from perijove.wire.ends import LONGEST_DETAIL


@dataclass(frozen=True)
class Ending:
    """Why the work ended.

    Attributes
    ----------
    reason : Reason
        What the execution's status follows from.
    detail : str
        A sentence about this very failure.
    exit_status : int, optional
        Of the command that ended it.
    """

    reason: Reason = Reason.OK
    detail: str = ""
    exit_status: int | None = None

    def __post_init__(self) -> None:
        """Bound and repair the sentence: it may quote what the work said."""
        object.__setattr__(self, "detail", bounded_text(self.detail, LONGEST_DETAIL))


class Failure(Exception):
    """A step of an attempt failed for a known reason.

    Parameters
    ----------
    reason : Reason
        Why.
    detail : str
        A sentence for the person who reads it.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.ending = Ending(reason, detail)


class Halt:
    """The wish that an attempt ends early: because someone asked, or because a limit was passed. The first wish counts.

    Attributes
    ----------
    grace : float, optional
        Seconds the work has, after it was interrupted, to end by itself; None for the agent's default.
    """

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.grace: float | None = None
        self._requested = asyncio.Event()
        self._stopped = asyncio.Event()

    def request(self, reason: Reason, detail: str = "", grace: float | None = None) -> None:
        """Ask the work to end."""
        if reason is Reason.STOPPED_BY_USER:
            self._stopped.set()
        if self.ending is None:
            self.ending = Ending(reason, detail)
            self.grace = grace
            self._requested.set()

    async def stopped(self) -> None:
        """Wait until someone stops it, whether or not it was asked to end before for another reason."""
        await self._stopped.wait()

    async def wait(self) -> Ending:
        """Wait until it is asked; return why."""
        await self._requested.wait()
        return self.ending or Ending()
