"""Code versions: content-addressed snapshots of project folders."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable

from perijove.errors import Forbidden, InvalidRequest, SnapshotTooLarge, TooLarge, UnknownCode
from perijove.model.events import Verb
from perijove.model.ids import CODE_PATTERN
from perijove.model.resources import Code, Role
from perijove_scheduler.files.protocol import Files, code_key
from perijove_scheduler.services import present
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.inspection import Arrivals, inspection
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import CodeRow

_ID = re.compile(CODE_PATTERN)
_AD_HOC = "~"


class CodeVersions:
    """What callers may do with code versions. For a project of None the caller's personal one is meant."""

    def __init__(self, store: Store, files: Files, access: Access, limits: Limits) -> None:
        self._store = store
        self._files = files
        self._access = access
        self._limits = limits
        self._arrivals = Arrivals()

    async def get(self, caller: Caller, project: str | None, code: str) -> Code:
        """Return a code version of a project."""
        caller.require("read")
        return present.code(await self._row(caller, project, code))

    async def put(
        self, caller: Caller, project: str | None, code: str, body: AsyncIterable[bytes], length: int | None = None
    ) -> Code:
        """Store a snapshot while it arrives; `length` is its size in bytes where the sender said it.

        What a project has already is not read, unless its object was lost. What only another project has must be sent:
        knowing a digest is no proof of having the code. Its id is the digest of the content, so nobody can put other
        code in the place of what somebody runs.

        Raises
        ------
        perijove.errors.Forbidden
            The id says that it is a commit, which is not for a sender to say.
        perijove.errors.Unavailable
            The caller sends too many at a time, or too many wait to be read.
        """
        caller.require("submit")
        if not _ID.fullmatch(code):
            raise InvalidRequest("A code version's id is '~' and a SHA-256, or 'git:' and a commit.")
        if not code.startswith(_AD_HOC):
            raise Forbidden(
                "What a commit holds is not for a sender to say: only Perijove itself stores code under a commit's id.",
                "Send the folder as a snapshot: PUT code/~<SHA-256 of its tar.zst>.",
            )
        target = await self._project(caller, project, Role.MEMBER)
        if target is not None and (known := await self._known(target, code)):
            return present.code(known)
        with self._arrivals.one(caller.name):
            stored = await self._write(code, body, length)
        target = target or await self._access.make_personal(caller)
        return present.code(await self._store.code.add(target.row.id, code, stored, caller.name))

    async def url(self, caller: Caller, project: str | None, code: str) -> str:
        """Return a signed address of a snapshot's bytes."""
        caller.require("read")
        row = await self._row(caller, project, code)
        name = code_key(row.id).rpartition("/")[2]
        return self._files.sign(Verb.GET, code_key(row.id), self._limits.signed_seconds, name, "application/zstd")

    async def _project(self, caller: Caller, ref: str | None, least: Role) -> FoundProject | None:
        return await self._access.personal(caller) if ref is None else await self._access.project(caller, ref, least)

    async def _known(self, project: FoundProject, code: str) -> CodeRow | None:
        """Return a project's code version; None where its object is gone, too, so that it is sent again."""
        row = await self._store.code.get(project.row.id, code)
        return row if row is not None and await self._files.stat(code_key(code)) is not None else None

    async def _row(self, caller: Caller, project: str | None, code: str) -> CodeRow:
        found = await self._project(caller, project, Role.VIEWER)
        row = None if found is None else await self._known(found, code)
        if row is None:
            raise UnknownCode
        return row

    async def _write(self, code: str, body: AsyncIterable[bytes], length: int | None) -> int:
        limit = self._limits.snapshot_limit
        too_large = f"The snapshot is larger than the limit of {limit:,} bytes."
        if length is not None and length > limit:
            raise SnapshotTooLarge(too_large)
        sha256 = code.removeprefix(_AD_HOC)
        try:
            return (await self._files.put(code_key(code), body, limit, sha256, inspection(limit))).size
        except SnapshotTooLarge:
            raise
        except TooLarge as error:
            raise SnapshotTooLarge(too_large) from error
