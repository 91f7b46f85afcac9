"""What one watcher of an execution is told: its row, batches of its records, and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from itertools import groupby
from typing import TYPE_CHECKING

from perijove_server.buffer import Buffer, Piece

if TYPE_CHECKING:
    from perijove.client import AsyncClient
    from perijove.client.events import ExecutionEvent
    from perijove.errors import PerijoveError

#: Characters of JSON: of one message, and of what waits for a slow page.
_MESSAGE, _WAITING = 1 << 19, 1 << 22
#: A page that is left open overnight goes on when the service is back.
_PATIENCE = float("inf")


class Watch:
    """One execution's story after a record, in messages for a page.

    Records that have come while the last message was being sent go together: a burst costs few messages, and a single
    record does not wait.

    Parameters
    ----------
    client : AsyncClient
        The way to the master.
    execution : str
        The execution's id.
    after : (int, int), optional
        The attempt and number of the last record known; by default everything is told.
    """

    def __init__(self, client: AsyncClient, execution: str, after: tuple[int, int] | None = None) -> None:
        self._client = client
        self._execution = execution
        self._after = after
        self._buffer = Buffer(_WAITING)
        self._away = False

    async def messages(self) -> AsyncGenerator[str, None]:
        """Iterate over the fields of `{type: execution | records | away | end, …}`, as JSON without the braces.

        Raises
        ------
        perijove.errors.PerijoveError
            The execution cannot be watched.
        """
        reader = asyncio.ensure_future(self._read())
        try:
            while pieces := await self._buffer.take(_MESSAGE):
                for message in _messages(pieces):
                    yield message
            yield '"type":"end"'
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _read(self) -> None:
        stream = self._client.executions.events(
            self._execution, after=self._after, patience=_PATIENCE, away=self._tell_away
        )
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    self._away = False
                    await self._buffer.put(_piece(event))
        except Exception as error:  # noqa: BLE001 - it is raised again where the messages are read
            self._buffer.end(error)
        else:
            self._buffer.end()

    def _tell_away(self, failure: PerijoveError) -> None:
        """Say once that the service is away, however often it is tried."""
        if not self._away:
            self._away = True
            self._buffer.add(Piece("away", json.dumps(failure.message)))


def _piece(event: ExecutionEvent) -> Piece:
    from perijove.client.events import Recorded  # noqa: PLC0415 - httpx is slow to import; by now it is there

    if isinstance(event, Recorded):
        return Piece("record", event.record.model_dump_json(), event.attempt)
    return Piece("execution", event.execution.model_dump_json(by_alias=True))


def _messages(pieces: list[Piece]) -> Iterator[str]:
    """Join neighbouring records of one attempt into one message."""
    for (kind, attempt), group in groupby(pieces, lambda piece: (piece.kind, piece.attempt)):
        if kind == "record":
            yield f'"type":"records","attempt":{attempt},"records":[{",".join(piece.json for piece in group)}]'
            continue
        for piece in group:
            field = "message" if kind == "away" else kind
            yield f'"type":"{kind}","{field}":{piece.json}'
