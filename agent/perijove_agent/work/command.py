"""Command work: shell lines, in order, every one of which must succeed."""

from __future__ import annotations

import asyncio
import codecs
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from perijove.model.reasons import Reason
from perijove_agent.ending import Ending
from perijove_agent.records.recorder import Recorder
from perijove_agent.report import Report
from perijove_agent.runtime import Launch, Process, Runtime
from perijove_agent.runtime.remnants import say_what_is_left
from perijove_agent.runtime.signals import signal_name
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.jsonlines import JsonLines

_READ = 64 * 1024
#: Seconds to wait for the end of a pipe that a process somewhere still holds open.
_STRAGGLERS = 5.0
#: The most bytes a line that ended can have left in its pipes and their buffers; what comes then is a straggler's.
_UNREAD = 2 * 1024 * 1024


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
        self._read = 0
        self._delay = _Delay()
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
            await say_what_is_left(await process.cleared(), self._recorder.log)
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
            await self._read_rest(pumps)
            return status
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await coalescer.aclose()

    async def _read_rest(self, pumps: Collection[asyncio.Task[None]]) -> None:
        """Wait for the ends of the pipes, not counting the time in which a full disk takes nothing of what was read."""
        end, most = time.monotonic() + _STRAGGLERS - self._delay.seconds, self._read + _UNREAD
        while (left := end + self._delay.seconds - time.monotonic()) > 0 and self._read <= most:
            _, open_ones = await asyncio.wait(pumps, timeout=left)
            if not open_ones:
                return

    async def _pump(self, reader: asyncio.StreamReader, stream: str, coalescer: Coalescer[str]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        objects = JsonLines() if stream == "stdout" else None
        ended = False
        while not ended:
            data = await reader.read(_READ)
            ended = not data
            self._read += len(data)
            with self._delay:
                text = decoder.decode(data, final=ended)
                await coalescer.put(stream, text)
                if objects:
                    for values in objects.feed(text) + (objects.end() if ended else []):
                        await coalescer.flush()
                        await self._report.metadata(values)


class _Delay:
    """Counts the seconds within it, however many are at once."""

    def __init__(self) -> None:
        self._total = 0.0
        self._since = 0.0
        self._within = 0

    @property
    def seconds(self) -> float:
        """How many there were so far."""
        return self._total + (time.monotonic() - self._since if self._within else 0.0)

    def __enter__(self) -> None:
        if not self._within:
            self._since = time.monotonic()
        self._within += 1

    def __exit__(self, *error: object) -> None:
        self._total, self._within = self.seconds, self._within - 1
        self._since = time.monotonic()


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
