"""What can go wrong with a cell that is sent away, and how it is shown: what matters, without this package's frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from perijove.errors import InvalidRequest, PerijoveError, UnknownDatum


class UnknownVariable(InvalidRequest):
    """There is no variable of that name to send."""

    default_hint = "--in takes the names of variables of this session, separated by commas."


class UnpicklableVariable(InvalidRequest):
    """A variable cannot be sent."""

    default_hint = "Leave it out of --in, and make it in the cell itself."


class UnreadableResults(UnknownDatum):
    """What came back cannot be read here."""

    default_hint = "Use the same Python, and the same packages, on both sides."


class AlteredResults(UnknownDatum):
    """What came back is not what the execution's own process wrote."""

    default_hint = (
        "Other work on that worker may have changed it, and reading it would run what it says. "
        "Run the cell again on a worker of your own, or with --data."
    )


class RemoteError(PerijoveError):
    """A cell raised an exception on the worker.

    Parameters
    ----------
    name, value : str
        The exception's class and its text.
    traceback : sequence of str
        Its traceback as the remote kernel wrote it, ANSI colours kept.
    where : str
        Which cell of which execution, for the reader.
    """

    def __init__(self, name: str = "", value: str = "", traceback: Sequence[str] = (), where: str = "") -> None:
        super().__init__(f"{name}: {value}" if name else "")
        self.name = name
        self.value = value
        self.traceback = [*traceback]
        self.where = where

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the remote traceback, for the local one tells of this package only."""
        return [*(self.traceback or [self.message]), f"RemoteError: raised {self.where or 'on the worker'}"]


class InterruptedRun(KeyboardInterrupt):
    """The person interrupted a remote cell, and its execution stopped.

    Parameters
    ----------
    message : str
        What became of the execution.
    traceback : sequence of str
        Where the remote kernel was interrupted.
    """

    def __init__(self, message: str = "The execution was stopped.", traceback: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.traceback = [*traceback]

    def _render_traceback_(self) -> list[str]:
        return [*self.traceback, f"KeyboardInterrupt: {self}"]


@contextmanager
def plainly() -> Iterator[None]:
    """Let IPython show our errors as their sentence and hint; where in this package they arose helps nobody."""
    try:
        yield
    except PerijoveError as error:
        if not hasattr(error, "_render_traceback_"):
            # IPython asks the exception itself for its traceback, if it can tell one.
            lines = [f"{type(error).__name__}: {error.message}", *filter(None, [error.hint])]
            error.__dict__["_render_traceback_"] = lambda: lines
        raise
