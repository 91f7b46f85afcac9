"""Notebook work: a document's cells, run in order on one kernel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from perijove.aio.executors import COMPUTING
from perijove.model.reasons import Reason
from perijove.model.records import CellState
from perijove.safe_json import bounded_text, repaired
from perijove_agent.ending import Ending, Failure
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.records.recorder import Recorder
from perijove_agent.report import Report
from perijove_agent.runtime import Process
from perijove_agent.work.executor import Executor
from perijove_agent.work.exits import asks_to_exit, raised
from perijove_agent.work.forwarder import Forwarder, RecordOutput

log = logging.getLogger(__name__)

#: Seconds a kernel gets to run its exit handlers.
_EXIT_HANDLERS = 5.0
#: Characters of a cell's id; nbformat allows 64.
_LONGEST_ID = 100
_ENDED = "The notebook ended itself in cell {} of {}; the cells after it were not run."


@dataclass(frozen=True)
class Document:
    """What runs: the converted notebook, the file the executed one is written to, and who is told that it was."""

    content: dict[str, Any]
    target: Path
    written: Callable[[], None]


class NotebookWork:
    """Runs a document.

    Parameters
    ----------
    get_kernel : callable
        Starts or takes the kernel; raises `Failure`.
    record_output : callable
        Records one output message.
    document : Document
        What to run.
    """

    def __init__(
        self,
        recorder: Recorder,
        report: Report,
        record_output: RecordOutput,
        get_kernel: Callable[[], Awaitable[Kernel]],
        document: Document,
    ) -> None:
        self._recorder = recorder
        self._report = report
        self._get_kernel = get_kernel
        self._target = document.target
        self._written = document.written
        self._notebook = rejoin_lines(nbformat.from_dict(document.content))
        self._forwarder = Forwarder(recorder, report, record_output)
        self._executor = Executor(self._notebook)
        self._ended = False
        self._late = True
        self._starting: asyncio.Future[Kernel] | None = None
        self._kernel: Kernel | None = None

    @property
    def process(self) -> Process | None:
        """The kernel's process."""
        return self._kernel.process if self._kernel else None

    async def run(self) -> Ending:
        """Run the cells; write the executed notebook however that ends."""
        cells = _runnable(self._notebook)
        await self._report.progress(0, len(cells))
        try:
            self._kernel = await self._start()
            if self._kernel is None:
                return Ending()
            return await self._run_on(self._kernel, cells)
        except Failure as failure:
            return failure.ending
        finally:
            await self._forwarder.aclose()
            await self._write()

    def interrupt(self) -> None:
        """Interrupt the cell that runs, and begin no other."""
        self._ended = True
        if self._kernel:
            self._kernel.interrupt()
        elif self._starting:
            self._starting.cancel()

    def kill(self) -> None:
        """Kill the kernel."""
        self._ended = True
        if self._kernel:
            self._kernel.process.kill()
        elif self._starting:
            self._starting.cancel()

    async def _start(self) -> Kernel | None:
        self._starting = asyncio.ensure_future(self._get_kernel())
        try:
            return await self._starting
        except asyncio.CancelledError:
            if self._ended:
                return None
            raise

    async def _run_on(self, kernel: Kernel, cells: list[tuple[int, NotebookNode]]) -> Ending:
        kernel.listen(self._recorder.log)
        kernel.client.forward_to(self._observe)
        self._executor.kc = kernel.client
        self._executor.complaints = kernel.client.complaints
        self._recorder.brake = kernel.process
        self._notebook.metadata["language_info"] = kernel.info.get("language_info", {})
        watch = asyncio.create_task(self._notice_death(kernel))
        try:
            return await self._run_cells(cells, kernel)
        except DeadKernelError:
            return Ending(Reason.KERNEL_DIED, await _death(kernel))
        finally:
            watch.cancel()
            self._recorder.brake = None
            # A kernel takes a tenth of a second to end; the notebook is stored meanwhile.
            await asyncio.gather(kernel.shut_down(_EXIT_HANDLERS, self._executor.last), self._write_meanwhile())

    async def _run_cells(self, cells: list[tuple[int, NotebookNode]], kernel: Kernel) -> Ending:
        for position, (index, cell) in enumerate(cells, 1):
            if self._ended:
                break
            if position == len(cells):
                kernel.ask_along()
            ending = await self._run_cell(cell, index, position, len(cells))
            if ending.reason is not Reason.OK:
                return ending
            await self._report.progress(position, len(cells))
            if ending.detail:
                await self._recorder.log("system", f"{ending.detail}\n")
                return ending
        return Ending()

    async def _run_cell(self, cell: NotebookNode, index: int, position: int, total: int) -> Ending:
        """Run a cell and return how; an end with a sentence means that none is to run after it."""
        name = cell_name(cell, index)
        self._executor.begin(cell, index)
        await self._recorder.cell(name, CellState.RUNNING, position, total)
        began, state = time.monotonic(), CellState.FAILED
        try:
            await self._executor.async_execute_cell(cell, index)
            ending = Ending(detail=_ENDED.format(position, total)) if asks_to_exit(self._executor.last) else Ending()
            state = CellState.DONE
        except CellExecutionError as error:
            ending = raised(*_said(cell, error), _ENDED.format(position, total))
            state = CellState.DONE if ending.reason is Reason.OK else state
        finally:
            seconds = round(time.monotonic() - began, 6)
            await self._forwarder.end_cell()
            await self._complain()
            await self._recorder.cell(name, state, position, total, cell.get("execution_count"), seconds)
        return ending

    async def _observe(self, message: dict[str, Any]) -> None:
        place = self._executor.cell_of(message)
        if place is not None:
            self._late = True
            await self._forwarder.forward(cell_name(*place), message)
        await self._complain()

    async def _complain(self) -> None:
        for sentence in self._executor.complaints.take():
            await self._recorder.log("system", f"{sentence}\n")

    async def _notice_death(self, kernel: Kernel) -> None:
        """Tell nbclient at once that the kernel died; by itself it looks once a second."""
        await kernel.process.wait()
        await kernel.client.last_messages()
        if self._executor.task_poll_for_reply:
            self._executor.task_poll_for_reply.cancel()

    async def _write_meanwhile(self) -> None:
        """Write the executed notebook while the kernel ends; if it still talks, what it says may come in between."""
        with suppress(RuntimeError):
            await self._write()

    async def _write(self) -> None:
        """Write the executed notebook, unless it was written and nothing has come since."""
        if not self._late:
            return
        self._late = False
        try:
            await COMPUTING.run(self._save)
        except BaseException:
            self._late = True
            raise
        self._written()

    def _save(self) -> None:
        self._executor.join_text()
        self._executor.keep_widgets()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        # An upload of an earlier state may be under way: it goes on reading the file that it has opened.
        draft = self._target.with_name(f".{self._target.name}")
        try:
            nbformat.write(self._notebook, draft, allow_nan=False)
        except (ValueError, RecursionError):  # half a surrogate pair, say, or a number that JSON has no word for
            document = nbformat.from_dict(repaired(self._notebook))
            nbformat.write(document, draft)
        draft.replace(self._target)


def cell_name(cell: NotebookNode, index: int) -> str:
    """Return a cell's id; documents before nbformat 4.5 have none."""
    return bounded_text(str(cell.get("id") or f"cell-{index + 1}"), _LONGEST_ID)


def _runnable(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return the cells that run, with their places; outputs of an earlier run are not part of this one."""
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if cell.source.strip() and "skip-execution" not in cell.metadata.get("tags", []):
                found.append((index, cell))
    return found


def _said(cell: NotebookNode, error: CellExecutionError) -> tuple[str, str]:
    """Return the name and the text of an error as its cell shows them; not every reply has them right."""
    shown = [output for output in cell.outputs if output.output_type == "error"]
    return (shown[-1].ename, shown[-1].evalue) if shown else (error.ename, error.evalue)


async def _death(kernel: Kernel) -> str:
    await kernel.last_words()
    status = kernel.process.returncode
    if status is None:
        return "The kernel stopped answering."
    return (
        f"The kernel was ended by signal {-status}." if status < 0 else f"The kernel ended with exit status {status}."
    )
