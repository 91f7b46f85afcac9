"""The executed notebook: stored while its kernel still ends, so that a short run's end need not wait for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from perijove.model.events import ObjectRequest
from perijove.wire.protocol import Held
from perijove_agent.outputs import Found
from perijove_agent.storing import NOTEBOOK, Storing
from perijove_agent.tasks import cancelled
from perijove_agent.upload import Uploader


class ExecutedNotebook:
    """Stores one attempt's executed notebook.

    Parameters
    ----------
    path : Path
        The file the work writes it to.
    """

    def __init__(self, uploader: Uploader, held: Held, path: Path) -> None:
        self._uploader = uploader
        self._held = held
        self.path = path
        self._signing: asyncio.Task[str] | None = None
        self._storing: asyncio.Task[Storing] | None = None

    def sign_ahead(self) -> None:
        """Hear where it will go, before there is anything to store."""
        executed = ObjectRequest(what="output", name=self.path.name)
        self._signing = asyncio.create_task(self._uploader.sign_ahead(self._held, executed))

    def written(self) -> None:
        """Store what was written; called again, it stores what was written since."""
        previous, self._storing = self._storing, None
        self._storing = asyncio.create_task(self._store(previous))

    async def stored(self, others: list[Found]) -> Storing:
        """Return its manifest of one line, or of none if it was never written or can't be read.

        Its name is its file's, unless one of the work's own outputs has that.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.OUTPUT_FAILED`: it could not be stored.
        """
        storing = await self._storing if self._storing else Storing(self._uploader, self._held)
        name = free_name(self.path, {other.name for other in others})
        if storing.manifest and name != self.path.name:
            storing = Storing(self._uploader, self._held)
            await storing.store([Found(name, self.path, NOTEBOOK)])
        return storing

    async def aclose(self) -> None:
        """End what is under way."""
        await cancelled(task for task in (self._signing, self._storing) if task)

    async def _store(self, previous: asyncio.Task[Storing] | None) -> Storing:
        if previous:
            await cancelled([previous])
        # After a long run the address may have expired; the upload then asks for another by itself.
        signed = {self.path.name: await asyncio.shield(self._signing)} if self._signing else {}
        storing = Storing(self._uploader, self._held)
        await storing.store([Found(self.path.name, self.path, NOTEBOOK)], signed)
        return storing


def free_name(path: Path, taken: set[str]) -> str:
    """Return the file's name, or one like it that no other output has."""
    name, number = path.name, 1
    while name in taken:
        name = f"{path.stem}.executed{'' if number == 1 else f'-{number}'}{path.suffix}"
        number += 1
    return name
