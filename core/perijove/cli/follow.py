"""Following an execution to its end, and telling how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import click

from perijove.cli.failures import EXIT
from perijove.cli.listing import print_outputs, shown
from perijove.cli.output import emit, length, table
from perijove.cli.results import write_whole
from perijove.cli.screens import Screen, screen
from perijove.cli.session import Session
from perijove.client import AsyncClient, Changed
from perijove.client.download import free_name
from perijove.errors import NotFound, PerijoveError
from perijove.model.resources import Execution
from perijove.model.status import WAITING, Status

#: Seconds between two questions about what an execution waits for.
_ASK_EVERY = 3.0
_AWAY = "The service does not answer; trying again. The execution goes on."
NOTEBOOK_TYPE = "application/x-ipynb+json"


def follow(session: Session, execution: Execution, notebook: Path | None = None) -> int:
    """Show an execution until it is final; return the exit status of its end.

    Ctrl-C ends the following, never the execution: that is said, with how to stop it.

    Parameters
    ----------
    notebook : Path, optional
        Where to write the executed notebook.
    """
    try:
        asyncio.run(_watch(session, execution))
    except KeyboardInterrupt:
        name = f"{execution.project_name}/{execution.number}"
        click.echo(f"\nExecution {name} goes on. Stop it with `perijove stop {name}`; "
                   f"follow it again with `perijove logs -f {name}`.", err=True)  # fmt: skip
        raise
    final = session.client.executions.get(execution.id)
    if notebook is not None:
        _keep(session, final, notebook)
    if session.json:
        emit(final, indent=None)
    else:
        _summarise(session, final)
    return EXIT.get(final.status, EXIT[Status.ERROR])


async def _watch(session: Session, execution: Execution) -> None:
    view = screen(session)
    try:
        async with session.connection.async_client() as client, _asking_why(client, execution, view) as asking:
            async for event in client.executions.events(execution.id, away=lambda _: view.waiting(_AWAY)):
                if isinstance(event, Changed):
                    asking(event.execution)
                view.show(event)
    finally:
        view.close()


@asynccontextmanager
async def _asking_why(client: AsyncClient, execution: Execution, view: Screen) -> AsyncIterator[_Asking]:
    """Ask what the execution waits for, as long as it waits."""
    asking = _Asking(client, execution, view)
    task = asyncio.create_task(asking.run())
    try:
        yield asking
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Asking:
    def __init__(self, client: AsyncClient, execution: Execution, view: Screen) -> None:
        self._client = client
        self._view = view
        self._execution = execution
        self._waits = asyncio.Event()
        self(execution)

    def __call__(self, execution: Execution) -> None:
        """Take note of where the execution stands."""
        if execution.status in WAITING:
            self._waits.set()
        else:
            self._waits.clear()

    async def run(self) -> None:
        """Ask every few seconds; an answer that comes too late is not shown."""
        while True:
            await self._waits.wait()
            with suppress(PerijoveError):  # the events tell of a connection that is lost
                answer = await self._client.executions.why(self._execution.id)
                if self._waits.is_set():
                    self._view.waiting(answer.sentence)
            await asyncio.sleep(_ASK_EVERY)


def _keep(session: Session, execution: Execution, target: Path) -> None:
    """Write the executed notebook, if there is one, beside what is there already."""
    try:
        content = session.client.executions.notebook(execution.id)
    except NotFound:
        session.say(f"It left no executed notebook, so {target} was not written.")
        return
    place = free_name(target, execution.number)
    write_whole(place, content)
    if place != target:
        session.say(f"{target} is there already; the executed notebook is {place}.")


def _summarise(session: Session, execution: Execution) -> None:
    sentence = " ".join(filter(None, (execution.sentence, execution.detail)))
    session.say(f"Execution {execution.number} is {execution.status} after {length(execution)}. {sentence}")
    if execution.hint:
        session.say(f"Hint: {execution.hint}")
    if session.quiet:
        return
    if execution.metadata:
        table(("METRIC", "VALUE"), [(name, shown(value)) for name, value in execution.metadata.items()], err=True)
    if execution.metadata_truncated:
        session.say(f"There are more metrics: perijove show {execution.project_name}/{execution.number} has them all.")
    outputs = session.client.executions.outputs(execution.id)
    if outputs:
        print_outputs(outputs, err=True)
    for output in outputs:
        if output.media_type == NOTEBOOK_TYPE:
            session.say(f"Executed notebook: {output.url}")
    session.say(f"Execution: {execution.url}")
