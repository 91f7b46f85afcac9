"""Command work: shell lines, in order, every one of which must succeed."""

from __future__ import annotations

import asyncio
import codecs
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from perijove.model.reasons import Reason
from perijove_agent.ending import Ending
from perijove_agent.records.recorder import Recorder
from perijove_agent.report import Report
from perijove_agent.runtime import Launch, Process, Runtime
from perijove_agent.runtime.signals import signal_name
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.jsonlines import JsonLines

_READ = 64 * 1024
#: Seconds to wait for the end of a pipe that a process somewhere still holds open.
_STRAGGLERS = 5.0


class CommandWork:
    """Runs shell lines.

    Parameters
    ----------
    lines : sequence of str
        What to run, parameters already put in.
    environment : mapping
        The commands' whole environment.
    folder : Path
        Their working folder.
    """

    def __init__(
        self,
        runtime: Runtime,
        recorder: Recorder,
        report: Report,
        lines: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._report = report
        self._lines = lines
        self._environment = environment
        self._folder = folder
        self._ended = False
        self.process: Process | None = None

    async def run(self) -> Ending:
        """Run the lines; stop at the first that fails."""
        total = len(self._lines)
        await self._report.progress(0, total)
        for done, line in enumerate(self._lines, 1):
            if self._ended:
                break
            ending = await self._run_line(line)
            if ending.reason is not Reason.OK:
                return ending
            await self._report.progress(done, total)
        return Ending(exit_status=0)

    def interrupt(self) -> None:
        """Interrupt the line that runs, and begin no other."""
        self._ended = True
        if self.process:
            self.process.interrupt()

    def kill(self) -> None:
        """Kill the line that runs, and begin no other."""
        self._ended = True
        if self.process:
            self.process.kill()

    async def _run_line(self, line: str) -> Ending:
        await self._recorder.log("system", f"$ {line}\n")
        shell = shutil.which("bash", path=self._environment.get("PATH")) or "/bin/sh"
        try:
            process = await self._runtime.start(Launch([shell, "-c", line], self._environment, self._folder))
        except OSError as error:
            return Ending(Reason.NONZERO_EXIT, f"`{_short(line)}` could not be started: {error.strerror}.")
        self.process = process
        try:
            status = await self._follow(process)
        finally:
            process.close()
        return _ending(line, status)

    async def _follow(self, process: Process) -> int:
        coalescer: Coalescer[str] = Coalescer(self._recorder.log)
        pumps = [
            asyncio.create_task(self._pump(process.stdout, "stdout", coalescer)),
            asyncio.create_task(self._pump(process.stderr, "stderr", coalescer)),
        ]
        try:
            status = await process.wait()
            # What the line left running in the background would hold the pipes open; all it wrote is read.
            process.kill()
            await asyncio.wait(pumps, timeout=_STRAGGLERS)
            return status
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await coalescer.aclose()

    async def _pump(self, reader: asyncio.StreamReader, stream: str, coalescer: Coalescer[str]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        objects = JsonLines() if stream == "stdout" else None
        ended = False
        while not ended:
            data = await reader.read(_READ)
            ended = not data
            text = decoder.decode(data, final=ended)
            await coalescer.put(stream, text)
            if objects:
                for values in objects.feed(text) + (objects.end() if ended else []):
                    await coalescer.flush()
                    await self._report.metadata(values)


def _ending(line: str, status: int) -> Ending:
    if status == 0:
        return Ending(exit_status=0)
    if status < 0:
        detail = f"`{_short(line)}` was ended by {signal_name(-status)}."
        return Ending(Reason.NONZERO_EXIT, detail, 128 - status)
    return Ending(Reason.NONZERO_EXIT, f"`{_short(line)}` ended with exit status {status}.", status)


def _short(line: str, most: int = 120) -> str:
    first, _, rest = line.strip().partition("\n")
    return first if not rest and len(first) <= most else first[: most - 1] + "…"
