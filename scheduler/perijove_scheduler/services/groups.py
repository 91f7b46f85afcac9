"""Worker groups: what their users see of them, and what administrators set."""

from __future__ import annotations

import builtins
import re
from typing import Any

from pydantic import ValidationError

from perijove.errors import Conflict, InvalidRequest, InvalidSpec, NotFound, RuntimeNotSupported, UnknownGroup
from perijove.model.fleet import RUNTIMES, Group, GroupSettings, LimitedToken, NewToken, Worker, WorkerState
from perijove.model.ids import NAME_PATTERN
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import tokens
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.checks import may_use
from perijove_scheduler.services.keys import Keys
from perijove_scheduler.services.roster import Roster
from perijove_scheduler.store.groups import GroupCounts
from perijove_scheduler.store.store import Store

_NAME = re.compile(NAME_PATTERN)


class Groups:
    """What callers may do with worker groups."""

    def __init__(self, store: Store, queue: Queue, bell: Bell) -> None:
        self._store = store
        self._keys = Keys(store)
        self._queue = queue
        self._bell = bell
        self._roster = Roster(store, queue)

    async def list(self, caller: Caller) -> list[Group]:
        """List the groups the caller may use."""
        caller.require("read")
        counts = await self._store.groups.counts()
        return [
            _group(caller, name, settings, counts.get(name, GroupCounts()))
            for name, settings in (await self._store.groups.all()).items()
            if may_use(caller, settings)
        ]

    async def get(self, caller: Caller, name: str) -> Group:
        """Return a group."""
        caller.require("read")
        settings = await self._usable(caller, name)
        return _group(caller, name, settings, (await self._store.groups.counts(name)).get(name, GroupCounts()))

    async def create(
        self, caller: Caller, name: str, settings: GroupSettings, key: str | None = None
    ) -> tuple[Group, str]:
        """Make a group; return it with its enrolment token, which nobody can look up later.

        The same request with its key gives the same token, as long as the key is remembered.
        """
        caller.require("admin")
        _check(name, settings)
        claim = await self._keys.claim(caller, key, f"create group {name}", settings)

        async def make() -> tuple[Group, str]:
            nonce, token = await self._new_token()
            if not await self._store.groups.create(name, settings, tokens.digest(token), claim, nonce):
                raise Conflict(f"There is a group named {name} already.", "Choose another name, or change that group.")
            self._bell.ring("scaler")
            return _group(caller, name, settings, GroupCounts()), token

        async def again(nonce: str) -> tuple[Group, str]:
            return await self.get(caller, name), await self._keys.token(nonce)

        return await self._keys.once(claim, make, again)

    async def change(self, caller: Caller, name: str, changes: dict[str, Any]) -> Group:
        """Change some of a group's settings; None stands for a setting's default."""
        caller.require("admin")
        settings = (await self._usable(caller, name)).model_dump() | changes
        try:
            changed = GroupSettings.model_validate({key: value for key, value in settings.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InvalidSpec(f"'{'.'.join(map(str, first['loc']))}': {first['msg']}.") from error
        return await self.update(caller, name, changed)

    async def update(self, caller: Caller, name: str, settings: GroupSettings) -> Group:
        """Replace a group's settings."""
        caller.require("admin")
        _check(name, settings)
        if not await self._store.groups.update(name, settings):
            raise UnknownGroup
        self._bell.ring_all(CAPACITY, "dispatcher", "scaler")
        return await self.get(caller, name)

    async def delete(self, caller: Caller, name: str) -> None:
        """Delete a group that has no workers, and for which nothing waits or runs."""
        caller.require("admin")
        await self._usable(caller, name)
        if not await self._store.groups.delete(name):
            raise Conflict(
                "It has workers, or executions that have not ended.",
                "Stop its executions, set its max_workers to 0, drain its workers, and wait until they have left.",
            )

    async def new_token(self, caller: Caller, name: str, key: str | None = None) -> str:
        """Replace a group's enrolment token; workers that have enrolled stay."""
        caller.require("admin")
        claim = await self._keys.claim(caller, key, f"new token of {name}")

        async def make() -> str:
            nonce, token = await self._new_token()
            if not await self._store.groups.set_token(name, tokens.digest(token), claim, nonce):
                raise UnknownGroup
            return token

        return await self._keys.once(claim, make, self._keys.token)

    async def _new_token(self) -> tuple[str, str]:
        """Return a fresh enrolment token, after that from which it can be worked out again."""
        nonce = tokens.new_token()
        return nonce, await self._keys.token(nonce)

    async def limited_token(self, caller: Caller, name: str, wanted: NewToken, key: str | None = None) -> LimitedToken:
        """Make a token that is good for some agents, for some time; the group's own stays."""
        caller.require("admin")
        await self._usable(caller, name)
        claim = await self._keys.claim(caller, key, f"limited token of {name}", wanted)

        async def make() -> LimitedToken:
            nonce, token = await self._new_token()
            row = await self._store.tokens.add(name, tokens.digest(token), wanted.uses, wanted.expires_in, claim, nonce)
            return LimitedToken(token=token, uses=row.uses_left, expires_at=row.expires_at)

        async def again(nonce: str) -> LimitedToken:
            token = await self._keys.token(nonce)
            row = await self._store.tokens.find(name, tokens.digest(token))
            if row is None:
                raise Conflict("The token that was made with this key is used up, or too old.", "Make another one.")
            return LimitedToken(token=token, uses=row.uses_left, expires_at=row.expires_at)

        return await self._keys.once(claim, make, again)

    async def evict(self, caller: Caller, name: str, worker: str) -> None:
        """Put a worker out at once: it loses its rights and what it holds, which counts as lost. Harmless to repeat."""
        caller.require("admin")
        row = await self._store.workers.get(worker)
        if row is None or row.group_name != name:
            raise NotFound("This group has no such worker.")
        await self._queue.revoke(worker)
        lost = await self._store.lifecycle.lose([worker])
        await self._queue.forget_many([(each.group, each.execution, each.attempt) for each in lost.ended])
        await self._queue.remove_worker(name, worker)
        if lost.changed:
            await self._queue.publish_changes(lost.changed)
        # The sweeper offers what goes on elsewhere; the scaler ends the worker's machine.
        for loop in ("sweeper", "archiver"):
            self._bell.ring(loop)
        self._bell.ring_all(CAPACITY, "dispatcher", "scaler")

    async def workers(self, caller: Caller, name: str) -> builtins.list[Worker]:
        """List a group's workers, the oldest first; of what they hold only what the caller sees."""
        caller.require("read")
        await self._usable(caller, name)
        return await self._roster.of(name, caller.viewer)

    async def drain(self, caller: Caller, name: str, worker: str) -> Worker:
        """Let a worker finish what it holds and leave."""
        caller.require("admin")
        row = await self._store.workers.get(worker)
        if row is None or row.group_name != name or row.ended_at is not None:
            raise NotFound("This group has no such worker.")
        if row.state == WorkerState.STARTING:
            raise Conflict("It is still starting.", "Drain it when it has enrolled.")
        await self._queue.drain(name, worker)
        await self._store.workers.mark(worker, WorkerState.DRAINING)
        self._bell.ring_all(CAPACITY, "dispatcher", "scaler")
        found = [each for each in await self._roster.of(name, caller.viewer) if each.id == worker]
        if not found:
            raise NotFound("The worker has left.")
        return found[0]

    async def _usable(self, caller: Caller, name: str) -> GroupSettings:
        settings = await self._store.groups.settings(name)
        if settings is None or not may_use(caller, settings):
            raise UnknownGroup
        return settings


def _check(name: str, settings: GroupSettings) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequest("A group's name has letters, digits, '.', '_' and '-', and at most 64 of them.")
    if settings.runtime not in RUNTIMES:
        raise RuntimeNotSupported(f"The runtime '{settings.runtime}' does not exist yet, so nothing would be isolated.")
    if settings.image is not None:
        raise RuntimeNotSupported("Groups have no image yet: work runs as processes on the worker itself.")
    if settings.min_workers > settings.max_workers:
        raise InvalidSpec("min_workers is greater than max_workers.", "Say how many workers there are at most, too.")


def _group(caller: Caller, name: str, settings: GroupSettings, counts: GroupCounts) -> Group:
    shown = settings.model_dump()
    if not caller.admin:  # of other people's Hub groups nobody has to know
        shown["owners"] = [owner for owner in settings.owners if owner in caller.groups]
    return Group.model_validate(
        {
            **shown,
            "name": name,
            "workers": counts.workers,
            "idle": max(0, counts.workers - counts.busy),
            "waiting": counts.waiting,
            "running": counts.running,
        }
    )
