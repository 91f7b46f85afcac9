"""Outputs and notebooks: where people fetch them, and the URLs under which workers read and write objects."""

from __future__ import annotations

import asyncio
import builtins
import re
from collections.abc import Sequence
from typing import Literal

from perijove.errors import Conflict, NotFound, PerijoveError
from perijove.model.control import Signed, SignedObject
from perijove.model.events import ObjectRequest, SignRequest, Verb
from perijove.model.resources import Outputs as ExecutionOutputs
from perijove_scheduler.files.protocol import Files, notebook_key, payload_key
from perijove_scheduler.services import present
from perijove_scheduler.services.access import Access, checked_cursor
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.signing import Grants, Rights, datum_key
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import DatumRow

#: Exactly one output has this media type, and it is the executed notebook.
NOTEBOOK_TYPE = "application/x-ipynb+json"
_JSON = "application/json"
_SHA256 = re.compile("[0-9a-f]{64}")
#: What an attempt says whose object was lost: submitting again heals these.
_LOST = {
    "code": "The platform's store has lost this snapshot. Submit again: the folder is sent anew.",
    "notebook": "The platform's store has lost this notebook. Submit it again: that stores it anew.",
}


class Outputs:
    """What callers may read of an execution's files, and what its worker may."""

    def __init__(self, store: Store, files: Files, access: Access, limits: Limits) -> None:
        self._store = store
        self._files = files
        self._access = access
        self._limits = limits
        self._grants = Grants(store)

    async def list(
        self, caller: Caller, execution: str, cursor: str | None = None, limit: int = 50
    ) -> ExecutionOutputs:
        """List an execution's outputs by name, and what is not among them; there are none before it has ended."""
        caller.require("read")
        found = await self._access.whole(caller, execution)
        rows = await self._store.data.page(execution, checked_cursor(cursor), limit + 1)
        return present.outputs(found, rows, limit, self._limits)

    async def url(self, caller: Caller, execution: str, name: str) -> str:
        """Return a signed address of an output's bytes."""
        caller.require("read")
        await self._access.execution(caller, execution)
        row = await self._store.data.named(execution, name)
        if row is None:
            raise NotFound("It has no output of that name.")
        return self._signed(row)

    async def notebook(self, caller: Caller, execution: str, which: Literal["executed", "submitted"]) -> str:
        """Return a signed address of the notebook as it was submitted, or with its outputs."""
        caller.require("read")
        row = (await self._access.execution(caller, execution)).row
        if row.notebook is None:
            raise NotFound("It ran a command, not a notebook.")
        if which == "submitted":
            name = str(row.spec["notebook"]["path"]).rpartition("/")[2]
            seconds = self._limits.signed_seconds
            return self._files.sign(Verb.GET, notebook_key(row.notebook), seconds, name, NOTEBOOK_TYPE)
        output = await self._store.data.typed(execution, NOTEBOOK_TYPE)
        if output is not None:
            return self._signed(output)
        raise Conflict("It has no executed notebook.", "There is one when it has ended; the log may say why not.")

    async def payload(self, caller: Caller, execution: str, attempt: int | None, sha256: str) -> str:
        """Return a signed address of the content a record refers to; the worker may not have stored it yet.

        Parameters
        ----------
        attempt : int, optional
            Whose record; by default the latest attempt's.
        sha256 : str
            The record's ``ref``.

        Raises
        ------
        perijove.errors.NotFound
            There is no such attempt, or no record refers so.
        """
        caller.require("read")
        row = (await self._access.execution(caller, execution)).row
        if not _SHA256.fullmatch(sha256) or not 1 <= (attempt or row.attempt) <= row.attempt:
            raise NotFound("It has no such payload.")
        key = payload_key(row.id, attempt or row.attempt, sha256)
        return self._files.sign(Verb.GET, key, self._limits.signed_seconds, f"{sha256}.json", _JSON)

    async def sign(self, group: str, requests: Sequence[SignRequest]) -> builtins.list[Signed | None]:
        """Answer workers of a group that ask for signed URLs; each object one may not touch gets the reason instead.

        None where it is not known yet who holds the attempt: that request is to be asked again.
        """
        answers: builtins.list[Signed | None] = []
        for request, rights in zip(requests, await self._grants.of(group, requests), strict=True):
            signed = rights and [await self._answer(each, rights) for each in request.objects]
            answers.append(None if signed is None else Signed(request=request.request, objects=signed))
            await asyncio.sleep(0)  # a signature costs little, and a request may ask for a thousand
        return answers

    async def _answer(self, wanted: ObjectRequest, rights: Rights) -> SignedObject:
        try:
            verb, key = rights.key(wanted)
            if wanted.what in _LOST and await self._files.stat(key) is None:
                raise NotFound(_LOST[wanted.what])
            url = self._files.sign(verb, key, self._limits.signed_seconds)
        except PerijoveError as refusal:
            return SignedObject(what=wanted.what, name=wanted.name, error=refusal.message)
        return SignedObject(what=wanted.what, name=wanted.name, url=url)

    def _signed(self, row: DatumRow) -> str:
        name = row.name.rpartition("/")[2]
        return self._files.sign(Verb.GET, datum_key(row), self._limits.signed_seconds, name, row.media_type)
