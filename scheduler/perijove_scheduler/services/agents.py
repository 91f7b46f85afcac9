"""Agents: they enrol and leave with their group's enrolment token."""

from __future__ import annotations

from perijove.errors import NotFound, RuntimeNotSupported, Unauthenticated
from perijove.model.fleet import RUNTIMES, Enrol, Enrolment
from perijove.wire.protocol import RENEWALS_A_LEASE
from perijove.wire.versions import agree
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import tokens
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import GroupRow

_HINT = "An administrator finds the group's enrolment token where the group was made, or makes a new one."
# What an unknown group's token is compared with, so that the answer takes as long as for a known one.
_NO_TOKEN = tokens.digest("")


class Agents:
    """Admits agents to their groups."""

    def __init__(self, store: Store, queue: Queue, bell: Bell, keys: WorkerKeys) -> None:
        self._keys = keys
        self._store = store
        self._queue = queue
        self._bell = bell

    async def enrol(self, request: Enrol) -> Enrolment:
        """Give an agent its id and a Redis user of its own.

        Raises
        ------
        perijove.errors.Unauthenticated
            The group, the token or the worker named is wrong; which of them is not told.
        perijove.errors.IncompatibleAgent
            It speaks no protocol that this service speaks.
        perijove.errors.RuntimeNotSupported
            The group, made by an earlier version, asks for a runtime that does not exist.
        """
        protocol = agree(request.oldest_protocol, request.newest_protocol, request.version)
        group = await self._store.groups.get(request.group)
        spent = group is None or not self._is_known(group, request.token, request.worker)
        if spent and not await self._store.tokens.spend(request.group, tokens.digest(request.token)):
            raise _refusal()
        try:
            return await self._enrol(request, protocol)
        except BaseException:
            if spent:
                await self._store.tokens.give_back(request.group, tokens.digest(request.token))
            raise

    async def _enrol(self, request: Enrol, protocol: int) -> Enrolment:
        settings = await self._store.groups.settings(request.group)
        if settings is None:
            raise _refusal()
        if settings.runtime not in RUNTIMES or settings.image is not None:
            raise RuntimeNotSupported
        password = tokens.new_token()
        secret = tokens.digest(password)
        told = (request.group, request.worker, request.host, request.version, request.capacity, secret)
        worker = await self._store.workers.enrol(*told)
        if worker is None and request.worker is not None and not await self._is_registered(request):
            # It enrolled, and our answer was lost on the way: nobody has the password that it was given then.
            worker = await self._store.workers.enrol(*told, again=True)
        if worker is None:
            raise _refusal()
        try:
            await self._queue.grant(request.group, worker, secret)
        except BaseException:
            await self._undo(worker, secret, made=request.worker is None)
            raise
        self._ring()
        return Enrolment(
            worker=worker,
            group=request.group,
            redis_url=self._queue.worker_url(worker, password),
            event_key=self._keys.event_key(worker, secret),
            protocol=protocol,
            runtime=settings.runtime,
            warm_kernels=settings.warm_kernels,
            lease=self._queue.lease,
            renew_every=self._queue.lease / RENEWALS_A_LEASE,
        )

    async def release(self, group: str, token: str, worker: str) -> None:
        """Take back what an agent was given; it has left its group."""
        found = await self._store.groups.get(group)
        if not self._is_known(found, token, worker):
            raise _refusal()
        row = await self._store.workers.get(worker)
        if row is None or row.group_name != group:
            raise NotFound("This group has no such worker.")
        await self._store.workers.end([worker])
        await self._queue.remove_worker(group, worker)
        await self._queue.revoke(worker)
        self._ring()

    def _is_known(self, group: GroupRow | None, token: str, worker: str | None) -> bool:
        """Return whether a token is the group's own, or that of the machine that was started for `worker`."""
        own = tokens.matches(token, _NO_TOKEN if group is None else group.token_sha256)
        machines = group is not None and self._keys.is_machine_token(token, group.name, worker)
        return group is not None and (own or machines)

    async def _is_registered(self, request: Enrol) -> bool:
        return any(each.worker == request.worker for each in await self._queue.workers(request.group))

    async def _undo(self, worker: str, secret: str, *, made: bool) -> None:
        if made:
            await self._store.workers.end([worker])
        else:
            await self._store.workers.unenrol(worker, secret)

    def _ring(self) -> None:
        self._bell.ring_all(CAPACITY, "dispatcher", "scaler")


def _refusal() -> Unauthenticated:
    return Unauthenticated("The group, its enrolment token or the worker's id is wrong.", _HINT)
