"""Following a remote cell to its end, and stopping it when the person interrupts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from perijove.client import Client, Recorded
from perijove.errors import Conflict, ExecutionFailed, PerijoveError
from perijove.magics.document import RemoteCell, input_name
from perijove.magics.failures import InterruptedRun, RemoteError
from perijove.magics.screen import Screen, StatusLine
from perijove.model.reasons import Reason
from perijove.model.records import OutputRecord
from perijove.model.resources import Execution
from perijove.model.status import TERMINAL, Status


class Watch:
    """Shows what one execution tells, as it comes.

    Parameters
    ----------
    client : Client
        Who asks.
    execution : Execution
        What was created.
    cell : RemoteCell
        What was sent.
    shell : IPython.core.interactiveshell.InteractiveShell
        Where it is shown.
    status : StatusLine
        Where it says how it stands.
    """

    def __init__(self, client: Client, execution: Execution, cell: RemoteCell, shell: Any, status: StatusLine) -> None:
        self._client = client
        self._cell = cell
        self._screen = Screen(shell, cell.shown, status.streams)
        self._status = status
        self._place: tuple[int, int] | None = None
        self.execution = execution

    def to_the_end(self) -> Execution:
        """Follow the execution until it is complete; return it.

        An interrupt stops it, and what it tells until then is still shown; a second one leaves it alone.

        Raises
        ------
        perijove.magics.failures.RemoteError
            A cell raised an exception.
        perijove.magics.failures.InterruptedRun
            It was interrupted here, and stopped.
        perijove.errors.ExecutionFailed
            It failed in another way.
        """
        try:
            self._follow()
        except KeyboardInterrupt:
            self._stop()
            self._follow()
            self._show_late()
            if self.execution.status is not Status.COMPLETE:
                raise InterruptedRun(f"{self._name} was stopped.", self._traceback()) from None
        self._show_late()
        self._raise_for_status()
        return self.execution

    def digest(self) -> str:
        """Return the SHA-256 of the variables that were left, from the process that wrote them; empty for none."""
        return self._screen.digest

    @property
    def _name(self) -> str:
        return name_of(self.execution)

    def _follow(self) -> None:
        self._say()
        for event in self._client.executions.events(self.execution.id, after=self._place, away=self._away):
            if isinstance(event, Recorded):
                self._begin(event.attempt)
                self._place = (event.attempt, event.record.n)
                if isinstance(event.record, OutputRecord):
                    self._screen.show(event.record)
            else:
                self.execution = event.execution
                self._say()

    def _show_late(self) -> None:
        if self._screen.late.waiting:
            with suppress(PerijoveError):  # there is no executed notebook: the notes stay
                self._screen.late.fill(self._executed())

    def _executed(self) -> Mapping[str, Any]:
        from perijove.notebooks import load_notebook  # noqa: PLC0415 - takes a second to import, and few need it

        # Not JSON alone: a notebook file keeps texts as lists of lines.
        document: Mapping[str, Any] = load_notebook(self._client.executions.notebook(self.execution.id)).document
        return document

    def _begin(self, attempt: int) -> None:
        if self._place and attempt != self._place[0]:
            self._screen.restart()

    def _stop(self) -> None:
        self._status.say(f"{self._name}: interrupted; it is being stopped. Interrupt again to stop watching.")
        with suppress(Conflict):  # it ended meanwhile
            self.execution = self._client.executions.stop(self.execution.id)

    def _away(self, failure: PerijoveError) -> None:
        self._status.say(f"{self._name}: {failure.message} It goes on; trying again …", self.execution.url)

    def _say(self) -> None:
        if self.execution.status not in {Status.STOPPING, Status.COMPLETE}:  # of both, more is said elsewhere
            self._status.say(f"{self._name}: {self.execution.sentence}", self.execution.url)

    def _traceback(self) -> list[str]:
        content = self._screen.error.content if self._screen.error else None
        return list((content or {}).get("traceback", ()))

    def _raise_for_status(self) -> None:
        seen = self.execution
        if seen.status is Status.COMPLETE:
            return
        if seen.status not in TERMINAL:
            raise ExecutionFailed(f"{self._name} is {seen.status}, and nothing more was told of it.")
        error = self._screen.error
        if seen.reason is Reason.CELL_ERROR and error is not None and error.content is not None:
            raise self._remote(error.cell, error.content)
        raise ExecutionFailed(f"{self._name}: {' '.join(filter(None, (seen.sentence, seen.detail)))}", seen.hint)

    def _remote(self, cell: str, content: dict[str, Any]) -> RemoteError:
        ours = cell in self._cell.helpers
        place = "" if cell in self._cell.shown else f"by {input_name(cell)}, which went along, "
        where = f"{place}in {self._name[0].lower()}{self._name[1:]}"
        # What carries variables says in a sentence what is wrong; its frames would only hide that.
        traceback = [] if ours else content.get("traceback", ())
        return RemoteError(content.get("ename", ""), content.get("evalue", ""), traceback, where)


def name_of(execution: Execution) -> str:
    """Return what a person calls an execution: ``Execution ann/12``."""
    return f"Execution {execution.project_name}/{execution.number}"
