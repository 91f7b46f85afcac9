"""One attempt, from its ticket to what is told of its end."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from perijove.model.events import Finished, OutputFile
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.tickets import Ticket
from perijove.wire.protocol import Held
from perijove_agent.desk import Desk
from perijove_agent.ending import Ending, Failure, Halt
from perijove_agent.executed import ExecutedNotebook
from perijove_agent.folders import AttemptFolders
from perijove_agent.omissions import Omissions
from perijove_agent.outputs import find_outputs
from perijove_agent.staging.preparation import Prepared, prepare
from perijove_agent.storing import Storing
from perijove_agent.supervision import supervise, until_halted
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.watches import watches
from perijove_agent.work.choice import choose_work, interpreter

log = logging.getLogger(__name__)


class Attempt:
    """Runs one ticket: prepare, run, store, tell.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    ticket : Ticket
        What to run.

    Attributes
    ----------
    halt : Halt
        How to make it end early.
    worked : bool
        Whether the work itself is over; what is left is storing and telling.
    given_up : bool
        Whether it is cancelled because it is no longer this worker's: it has no end here.
    """

    def __init__(self, tools: Tools, ticket: Ticket) -> None:
        self._tools = tools
        self.ticket = ticket
        self.held = Held(ticket.execution, ticket.attempt)
        self.halt = Halt()
        self.worked = False
        self.given_up = False
        self._omissions = Omissions()
        self._document: dict[str, Any] = ticket.notebook or {}
        self._folders = tools.folders.attempt(self.held)
        self._executed = _executed_notebook(tools, ticket, self.held, self._folders)
        self.desk = Desk(tools, self.held, self._folders, self._disk_failed)

    async def run(self) -> Finished:
        """Run to the end and return what to tell; by then Redis has every record, as far as it takes them.

        `clear` it afterwards.

        Cancelling it kills the work.
        """
        try:
            if self._executed:
                self._executed.sign_ahead()
            async with self.desk:
                ending = await self._perform()
                self.worked = True
                ending, outputs = await self._store(ending)
                environment = await self._environment()
                await self.desk.sender.drained()
                return self._finished(ending, outputs, environment)
        finally:
            if self._executed:
                await self._executed.aclose()

    async def clear(self) -> None:
        """Remove its folders."""
        await asyncio.to_thread(self._folders.remove)

    async def _perform(self) -> Ending:
        try:
            await self.desk.report.phase(Phase.PREPARING)
            prepared = await until_halted(self.halt, prepare(self._tools, self.ticket, self.held, self._folders))
            self._document = prepared.document or {}
            await self.desk.report.phase(Phase.RUNNING)
            return await self._run_work(prepared)
        except Failure as failure:
            return failure.ending
        except Exception as error:
            log.exception("attempt %s of %s failed in the agent", self.held.attempt, self.held.execution)
            return Ending(Reason.AGENT_FAILED, f"{type(error).__name__}: {error}")

    async def _run_work(self, prepared: Prepared) -> Ending:
        work = choose_work(self._tools, self.ticket, self.desk, prepared, self._executed)
        self.desk.recorder.touch()
        watching = watches(self.ticket.spec, work, self.desk.recorder, self._tools.settings.stats_every, self.halt)
        watching.append(asyncio.create_task(self._let_out()))
        try:
            return await supervise(work, self.halt, self._tools.settings.grace)
        finally:
            await cancelled(watching)

    async def _let_out(self) -> None:
        """Let work that was asked to end print its rest, although the log may stand still, and with it the work."""
        await self.halt.wait()
        await asyncio.sleep(self._tools.settings.grace if self.halt.grace is None else self.halt.grace)
        await self.desk.sender.open()

    async def _store(self, ending: Ending) -> tuple[Ending, list[OutputFile]]:
        try:
            await self.desk.report.phase(Phase.UPLOADING)
            outputs = await self._store_files()
            await self.desk.payloads.stored()
        except Failure as failure:
            await self.desk.recorder.log("system", f"{failure}\n")
            # The first thing that went wrong is the reason; a run whose results are lost did not complete.
            return (failure.ending if ending.reason is Reason.OK else ending), []
        return ending, outputs

    async def _store_files(self) -> list[OutputFile]:
        found, self._omissions = await asyncio.to_thread(find_outputs, self._folders.outputs)
        storing = Storing(self._tools.uploader, self.held, self._say)
        parts = [storing]
        try:
            # The notebook comes first: one of the work's own outputs may have its name and then takes its place.
            if self._executed:
                parts.append(await self._executed.stored(found))
            await storing.store(found)
        finally:
            for part in parts:
                self._omissions.merge(part.omissions)
            for line in self._omissions.lines():
                await self._say(line)
        return [line for part in parts for line in part.manifest]

    async def _say(self, text: str) -> None:
        await self.desk.recorder.log("system", text)

    async def _environment(self) -> dict[str, Any]:
        python, kernel = interpreter(self._tools, self.ticket, self._document)
        facts = await self._tools.inventory.of(python, self._tools.environment) if python else {}
        return {**facts, **({"kernel": kernel} if kernel else {})}

    def _finished(self, ending: Ending, outputs: list[OutputFile], environment: dict[str, Any]) -> Finished:
        return Finished(
            worker=self._tools.worker,
            execution=self.held.execution,
            attempt=self.held.attempt,
            reason=ending.reason,
            detail=ending.detail,
            exit_status=ending.exit_status,
            done=self.desk.report.done,
            total=self.desk.report.total,
            outputs=outputs,
            left_out=self._omissions.first,
            left_out_count=self._omissions.count,
            metadata=self.desk.recorder.latest.values,
            environment=environment,
            records=self.desk.recorder.last,
        )

    def _disk_failed(self, detail: str) -> None:
        self.halt.request(Reason.AGENT_FAILED, detail, grace=0)


def _executed_notebook(tools: Tools, ticket: Ticket, held: Held, folders: AttemptFolders) -> ExecutedNotebook | None:
    if ticket.spec.notebook is None:
        return None
    return ExecutedNotebook(tools.uploader, held, folders.executed / Path(ticket.spec.notebook.path).name)
