"""One running kernel."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from queue import Empty
from typing import Any

from perijove.aio.executors import FILES
from perijove.model.reasons import Reason
from perijove_agent.ending import Failure
from perijove_agent.kernel.adoption import PREPARE, adoption
from perijove_agent.kernel.connection import KernelConnection
from perijove_agent.kernel.remains import ASK, WATCH, is_answered, nothing_remains
from perijove_agent.kernel.spec import KernelProgram
from perijove_agent.removal import remove
from perijove_agent.runtime import Process
from perijove_agent.runtime.remnants import say_what_is_left
from perijove_agent.tasks import cancelled

_READ = 64 * 1024
#: Seconds to wait for the last words of a kernel that ended.
_LAST_WORDS = 1.0

Listener = Callable[[str, str], Awaitable[None]]

#: Seconds a kernel gets to answer that it is not busy.
_BUSY = 1.0
#: Seconds a kernel that has started gets to be prepared.
_PREPARATION = 60.0
#: Ends an ipykernel's loop from within.
_END = """(lambda kernel: kernel.io_loop.add_callback(kernel.io_loop.stop))(
    __import__("ipykernel.kernelapp", fromlist=["IPKernelApp"]).IPKernelApp.instance().kernel)"""


class Kernel:
    """A kernel's process, and the client that speaks to it.

    Attributes
    ----------
    environment : mapping
        The variables it was started with.
    info : dict
        Its answer to ``kernel_info``.
    words : deque of str
        The end of what it printed around its messages: to standard error, mostly, before it is ready or as it dies.
    """

    def __init__(
        self,
        program: KernelProgram,
        process: Process,
        client: KernelConnection,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.program = program
        self.environment = environment
        self.process = process
        self.client = client
        self.info: dict[str, Any] = {}
        self.words: deque[str] = deque(maxlen=20)
        self._folder = folder
        self._listener: Listener | None = None
        self._pumps = [
            asyncio.create_task(self._pump(process.stdout, "stdout")),
            asyncio.create_task(self._pump(process.stderr, "stderr")),
        ]

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.returncode is None

    async def wait_ready(self, timeout: float) -> None:
        """Wait until it answers and its messages arrive.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.NO_KERNEL`: it ended, or did not answer within `timeout` seconds.
        """
        answered = asyncio.create_task(self._ask())
        ended = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait({answered, ended}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                self.info = answered.result()
                return
        finally:
            for task in (answered, ended):
                task.cancel()
            await asyncio.gather(answered, ended, return_exceptions=True)
        raise Failure(Reason.NO_KERNEL, await self._why_not(timeout))

    async def prepare(self) -> None:
        """Have it remember what it has before its work, and know how to become an execution's.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.NO_KERNEL`: it ended, or did not answer in time.
        """
        if not self.program.is_default:
            return
        code = f"{WATCH}\n{PREPARE}"
        request = self.client.execute(code, silent=True, store_history=False, allow_stdin=False)
        try:
            reply = await self._reply(request, _PREPARATION)
        except Empty:
            raise Failure(Reason.NO_KERNEL, await self._why_not(_PREPARATION)) from None
        if reply["content"]["status"] != "ok":
            raise Failure(Reason.NO_KERNEL, f"The kernel could not be prepared: {reply['content'].get('evalue')}")

    def adopt(self, environment: Mapping[str, str], folder: Path) -> None:
        """Make it the kernel of one execution, from the next code that it runs on, which comes with count 1."""
        self.process.resume()  # whoever stopped it while it waited
        self.client.ask_along(adoption(environment, self.environment, folder))

    def listen(self, listener: Listener) -> None:
        """Hand what it prints around its messages to `listener` from now on."""
        self._listener = listener

    def interrupt(self) -> None:
        """Interrupt the cell that runs."""
        if self.program.by_message:
            self.client.control_channel.send(self.client.session.msg("interrupt_request", content={}))
        else:
            self.process.interrupt()

    def ask_along(self) -> None:
        """Ask it with the next code it runs, its last, what `shut_down` would have to ask by itself."""
        if self.program.is_default:
            self.client.ask_along({"remains": ASK})

    async def shut_down(self, patience: float, last: Mapping[str, Any] | None = None) -> None:
        """Ask it to end in order, and kill it after `patience` seconds; at once if that would change nothing.

        `last` is the content of its reply to the last code it ran.
        """
        if self.alive and await self._has_nothing_left_to_do(last or {}):
            self.process.kill()
            await self.process.wait()
        elif self.alive:
            if not await self._end_from_within():
                self.client.shutdown()
            await asyncio.wait([asyncio.create_task(self.process.wait())], timeout=patience)
        await self.aclose()

    async def _has_nothing_left_to_do(self, last: Mapping[str, Any]) -> bool:
        """Return whether an orderly end would change nothing, as `perijove_agent.kernel.remains` says."""
        if not self.program.is_default:
            return False
        if is_answered(last):
            return nothing_remains(last)
        try:
            return nothing_remains(await self._execute("", user_expressions={"remains": ASK}))
        except Empty:
            return False

    async def _end_from_within(self) -> bool:
        """Stop an ipykernel's loop by code it runs, and return whether it did.

        A shutdown request is handled by its control thread, which still speaks through a thread that the main one is
        ending; in one of twenty runs they wait for each other for good (seen with ipykernel 7.4).
        """
        if not self.program.is_default:
            return False
        try:
            return bool((await self._execute(_END))["status"] == "ok")
        except Empty:  # it is busy with what nobody waits for any more
            return False

    async def last_words(self) -> None:
        """Wait a moment for the rest of what an ended kernel printed."""
        await asyncio.wait(self._pumps, timeout=_LAST_WORDS)

    async def aclose(self) -> None:
        """Kill it, if it still runs, and remove all traces of it."""
        self.process.kill()
        await self.process.wait()
        await self.last_words()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self.process.close()
        self.client.stop_channels()
        await FILES.run(remove, self._folder)
        left = await self.process.cleared()
        if self._listener:
            await say_what_is_left(left, self._listener)

    async def _ask(self) -> dict[str, Any]:
        while True:
            try:
                reply = await self._reply(self.client.kernel_info(), 1.0)
                # Its status messages show that the subscription stands: nothing published later is missed.
                await self.client.get_iopub_msg(timeout=0.5)
            except Empty:
                continue
            content: dict[str, Any] = reply["content"]
            return content

    async def _execute(self, code: str, **options: Any) -> dict[str, Any]:
        """Return the content of its reply to code of ours; raise `Empty` where it is busy.

        An ipykernel aborts what comes right behind a cell's error, and so it is sent again.
        """
        deadline = time.monotonic() + _BUSY
        while True:
            request = self.client.execute(code, silent=True, store_history=False, allow_stdin=False, **options)
            content: dict[str, Any] = (await self._reply(request, _BUSY))["content"]
            if content["status"] != "aborted" or time.monotonic() > deadline:
                return content

    async def _reply(self, request: str, timeout: float) -> dict[str, Any]:
        """Return its reply to a request; raise `Empty` where none comes in time, at once where its process ends."""
        answered = asyncio.create_task(self._answer(request))
        ended = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait({answered, ended}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                return answered.result()
            raise Empty
        finally:
            await cancelled([answered, ended])

    async def _answer(self, request: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = await self.client.get_shell_msg(timeout=None)
            if message["parent_header"].get("msg_id") == request:
                return message

    async def _why_not(self, timeout: float) -> str:
        if self.alive:
            return f"The kernel '{self.program.name}' did not answer within {timeout:.0f} s."
        await self.last_words()
        lines = [line for line in "".join(self.words).splitlines() if line.strip()]
        said = f": {lines[-1].strip()[:300]}" if lines else "."
        return f"The kernel '{self.program.name}' ended with exit status {self.process.returncode} at its start{said}"

    async def _pump(self, reader: asyncio.StreamReader, stream: str) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := await reader.read(_READ):
            text = decoder.decode(data)
            self.words.append(text[-4096:])
            if self._listener:
                await self._listener(stream, text)
