"""One attempt, from its ticket to its end."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from perijove.aio.executors import COMPUTING
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
from perijove_agent.supervision import supervise, until_halted, within_grace
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.waits import waiting
from perijove_agent.watches import watch_time, watches
from perijove_agent.work.choice import choose_work, interpreter

log = logging.getLogger(__name__)

#: Seconds that the last steps of an attempt have which someone stopped: its packages, and the rest of its log.
WRAP_UP = 5.0


class Attempt:
    """Runs one ticket: prepare, run, store, report.

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
        Whether the work itself is over; what is left is storing and reporting.
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
        self._parts: list[Storing] = []
        self._environment: dict[str, Any] = {}
        self._document: dict[str, Any] = ticket.notebook or {}
        self._folders = tools.folders.attempt(self.held)
        self._executed = _executed_notebook(tools, ticket, self.held, self._folders)
        self.desk = Desk(tools, self.held, self._folders, self._disk_failed)

    async def run(self) -> Finished:
        """Run to the end and return it; by then Redis has every record, unless someone stopped the attempt.

        `clear` it afterwards. Cancelling it kills the work.
        """
        try:
            with self.desk.waits.collecting():
                if self._executed:
                    self._executed.sign_ahead()
                async with self.desk:
                    return await self._run()
        finally:
            if self._executed:
                await self._executed.aclose()

    async def clear(self) -> None:
        """Remove its folders."""
        await COMPUTING.run(self._folders.remove)

    async def _run(self) -> Finished:
        opening = asyncio.create_task(self._open_log())
        try:
            ending = await self._perform()
            self.worked = True
            ending = await self._store(ending)
            await within_grace(self.halt, WRAP_UP, self._look_around())
            await within_grace(self.halt, WRAP_UP, self.desk.sender.drained())
            return self._finished(ending)
        finally:
            await cancelled([opening])

    async def _perform(self) -> Ending:
        limit = self.ticket.spec.time_limit
        watching = [asyncio.create_task(watch_time(limit, self.halt))] if limit else []
        try:
            await self.desk.report.phase(Phase.PREPARING)
            prepared = await self._prepare()
            self._document = prepared.document or {}
            await self.desk.report.phase(Phase.RUNNING)
            return await self._run_work(prepared)
        except Failure as failure:
            return failure.ending
        except Exception as error:
            log.exception("attempt %s of %s failed in the agent", self.held.attempt, self.held.execution)
            return Ending(Reason.AGENT_FAILED, f"{type(error).__name__}: {error}")
        finally:
            await cancelled(watching)

    async def _prepare(self) -> Prepared:
        try:
            return await until_halted(self.halt, prepare(self._tools, self.ticket, self.held, self._folders))
        except Failure as failure:
            if failure.ending.reason is not Reason.TIME_LIMIT:
                raise
            raise Failure(Reason.TIME_LIMIT, f"{failure} Its code and inputs were not there yet.") from failure

    async def _run_work(self, prepared: Prepared) -> Ending:
        work = choose_work(self._tools, self.ticket, self.desk, prepared, self._executed)
        self.desk.recorder.touch()
        watching = watches(self.ticket.spec, work, self.desk.recorder, self._tools.settings.stats_every, self.halt)
        try:
            return await supervise(work, self.halt, self._tools.settings.grace)
        finally:
            await cancelled(watching)

    async def _open_log(self) -> None:
        """Once work has had its time to end, take all it prints: work whose output waits for room does not end."""
        await self.halt.wait()
        await asyncio.sleep(self._tools.settings.grace if self.halt.grace is None else self.halt.grace)
        await self.desk.sender.open()

    async def _store(self, ending: Ending) -> Ending:
        """Store what the work left; return how the attempt ended, all in all."""
        try:
            whole = await within_grace(self.halt, self._tools.settings.grace, self._store_everything())
        except Failure as failure:
            self._parts.clear()
            await self._say(f"{failure}\n")
            # The first thing that went wrong is the reason; a run whose results are lost did not complete.
            return failure.ending if ending.reason is Reason.OK else ending
        if whole:
            return ending
        detail = f"It was stopped while its outputs were stored; {len(self._manifest)} of them are kept."
        await self._say(f"{detail}\n")
        return Ending(Reason.STOPPED_BY_USER, detail) if ending.reason is Reason.OK else ending

    async def _store_everything(self) -> None:
        await self.desk.report.phase(Phase.UPLOADING)
        await self._store_files()
        await self.desk.payloads.stored()

    async def _store_files(self) -> None:
        found, self._omissions = await COMPUTING.run(find_outputs, self._folders.outputs)
        storing = Storing(self._tools.uploader, self.held, self._say)
        self._parts.append(storing)
        try:
            # The notebook comes first: one of the work's own outputs may have its name and then takes its place.
            if self._executed:
                self._parts.append(await self._executed.stored(found))
            await storing.store(found)
        except asyncio.CancelledError:
            stored = {file.name for file in storing.manifest}
            for file in found:
                if file.name not in stored:
                    storing.omissions.add(file.name, "it was not stored yet when the execution was stopped")
            raise
        finally:
            for part in self._parts:
                self._omissions.merge(part.omissions)
            for line in self._omissions.lines():
                await self._say(line)

    @property
    def _manifest(self) -> list[OutputFile]:
        return [line for part in self._parts for line in part.manifest]

    async def _say(self, text: str) -> None:
        await self.desk.recorder.log("system", text)

    async def _look_around(self) -> None:
        """Find out what the work ran with."""
        python, kernel = interpreter(self._tools, self.ticket, self._document)
        with waiting("It is looking up which packages it had."):
            facts = await self._tools.inventory.of(python, self._tools.environment) if python else {}
        self._environment = {**facts, **({"kernel": kernel} if kernel else {})}

    def _finished(self, ending: Ending) -> Finished:
        return Finished(
            worker=self._tools.worker,
            execution=self.held.execution,
            attempt=self.held.attempt,
            reason=ending.reason,
            detail=ending.detail,
            exit_status=ending.exit_status,
            done=self.desk.report.done,
            total=self.desk.report.total,
            outputs=self._manifest,
            left_out=self._omissions.first,
            left_out_count=self._omissions.count,
            metadata=self.desk.recorder.latest.values,
            environment=self._environment,
            records=self.desk.recorder.last,
        )

    def _disk_failed(self, detail: str) -> None:
        self.halt.request(Reason.AGENT_FAILED, detail, grace=0)


def _executed_notebook(tools: Tools, ticket: Ticket, held: Held, folders: AttemptFolders) -> ExecutedNotebook | None:
    if ticket.spec.notebook is None:
        return None
    return ExecutedNotebook(tools.uploader, held, folders.executed / Path(ticket.spec.notebook.path).name)
