"""Command work: shell lines, run in order by one shell; every one of them must succeed."""

from __future__ import annotations

import asyncio
import codecs
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from perijove.model.reasons import Reason
from perijove_agent.ending import Ending
from perijove_agent.records.recorder import Recorder
from perijove_agent.report import Report
from perijove_agent.runtime import Launch, Process, Runtime
from perijove_agent.runtime.remnants import say_what_is_left
from perijove_agent.runtime.signals import signal_name
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.interpolation import Commands
from perijove_agent.work.metadata import PrintedMetadata
from perijove_agent.work.script import Marks, Script

_READ = 64 * 1024
#: Seconds to wait for the end of a pipe that a process somewhere still holds open.
_STRAGGLERS = 5.0
#: The most bytes a shell that ended can have left in its pipes and their buffers; what comes then is a straggler's.
_UNREAD = 2 * 1024 * 1024
#: What a shell adds to the number of a signal that ended what it ran.
_BY_SIGNAL = 128
_SIGNALS = frozenset(signal.valid_signals())


class CommandWork:
    """Runs shell lines in one shell: what one of them sets is there in the next.

    Parameters
    ----------
    commands : Commands
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
        commands: Commands,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._runtime = runtime
        self._recorder = recorder
        self._report = report
        self._lines = commands.shown
        self._script = Script(commands)
        self._environment = environment
        self._folder = folder
        self._ended = False
        self._done = 0
        self._read = 0
        self._delay = _Delay()
        self.process: Process | None = None

    async def run(self) -> Ending:
        """Run the lines; stop at the first that fails."""
        await self._report.progress(0, len(self._lines))
        if self._ended:
            return Ending()
        await self._announce()
        shell = shutil.which("bash", path=self._environment.get("PATH")) or "/bin/sh"
        try:
            process = await self._runtime.start(Launch(self._script.argv(shell), self._environment, self._folder))
        except OSError as error:
            return Ending(Reason.NONZERO_EXIT, f"The commands could not be started: {error.strerror}.")
        self.process = process
        try:
            status = await self._follow(process)
        finally:
            process.close()
            await say_what_is_left(await process.cleared(), self._recorder.log)
        return await self._end(status)

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

    async def _announce(self) -> None:
        await self._recorder.log("system", f"$ {self._lines[self._done]}\n")

    async def _next_line(self) -> None:
        """Go on with the next line, at the mark between the two."""
        self._done += 1
        await self._report.progress(self._done, len(self._lines))
        if self._ended and self.process:
            self.process.kill()
        else:
            await self._announce()

    async def _end(self, status: int) -> Ending:
        line, number, total = self._lines[self._done], self._done + 1, len(self._lines)
        what = f"`{_short(line)}`" if total == 1 else f"Line {number} of {total}, `{_short(line)}`,"
        if status != 0:
            return _failure(what, status)
        await self._report.progress(number, total)
        if number < total and not self._ended:
            await self._recorder.log("system", f"{what} ended the shell; the lines after it were not run.\n")
        return Ending(exit_status=0)

    async def _follow(self, process: Process) -> int:
        coalescer: Coalescer[str] = Coalescer(self._recorder.log)

        async def between_lines() -> None:
            await coalescer.flush()
            await self._next_line()

        meeting = _Meeting(2, between_lines)
        pumps = [
            asyncio.create_task(self._pump(process.stdout, "stdout", coalescer, meeting)),
            asyncio.create_task(self._pump(process.stderr, "stderr", coalescer, meeting)),
        ]
        try:
            status = await process.wait()
            # What the lines left running in the background would hold the pipes open; all they wrote is read.
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

    async def _pump(
        self, reader: asyncio.StreamReader, stream: str, coalescer: Coalescer[str], meeting: _Meeting
    ) -> None:
        text = _Text(stream, coalescer, PrintedMetadata(self._report, coalescer.flush) if stream == "stdout" else None)
        marks = Marks(self._script.mark)
        while data := await reader.read(_READ):
            self._read += len(data)
            with self._delay:
                piece, *others = marks.cut(data)
                await text.take(piece)
                for other in others:
                    await text.end()
                    await meeting.arrive()
                    await text.take(other)
        with self._delay:
            await text.take(marks.rest())
            await text.end()
            await meeting.leave()


class _Text:
    """What one stream prints, decoded line by line of the commands: no character reaches from one into the next."""

    def __init__(self, stream: str, coalescer: Coalescer[str], metadata: PrintedMetadata | None) -> None:
        self._stream = stream
        self._coalescer = coalescer
        self._metadata = metadata
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    async def take(self, data: bytes) -> None:
        await self._put(self._decoder.decode(data))

    async def end(self) -> None:
        await self._put(self._decoder.decode(b"", final=True))
        if self._metadata:
            await self._metadata.end()

    async def _put(self, text: str) -> None:
        await self._coalescer.put(self._stream, text)
        if self._metadata:
            await self._metadata.feed(text)


class _Meeting:
    """Where several wait for each other; then `action` is taken, and all go on. Who has left isn't waited for."""

    def __init__(self, parties: int, action: Callable[[], Awaitable[None]]) -> None:
        self._parties = parties
        self._action = action
        self._present = 0
        self._round = 0
        self._changed = asyncio.Condition()

    async def arrive(self) -> None:
        async with self._changed:
            this = self._round
            self._present += 1
            await self._look()
            await self._changed.wait_for(lambda: self._round != this)

    async def leave(self) -> None:
        async with self._changed:
            self._parties -= 1
            await self._look()

    async def _look(self) -> None:
        if self._present and self._present >= self._parties:
            await self._action()
            self._present = 0
            self._round += 1
            self._changed.notify_all()


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


def _failure(what: str, status: int) -> Ending:
    if status < 0:
        return Ending(Reason.NONZERO_EXIT, f"{what} was ended by {signal_name(-status)}.", _BY_SIGNAL - status)
    name = f" ({signal_name(status - _BY_SIGNAL)})" if status - _BY_SIGNAL in _SIGNALS else ""
    return Ending(Reason.NONZERO_EXIT, f"{what} ended with exit status {status}{name}.", status)


def _short(line: str, most: int = 120) -> str:
    first, _, rest = line.strip().partition("\n")
    return first if not rest and len(first) <= most else first[: most - 1] + "…"
