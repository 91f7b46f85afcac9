"""The registered workers: who they are, what they are told, and how they are fenced."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from perijove.model.control import Control, Drain
from perijove.model.spec import Resources
from perijove.wire import limits
from perijove.wire.connection import reach
from perijove.wire.keys import GroupKeys
from perijove.wire.scripts import call
from perijove_scheduler.queue.protocol import Glance, WorkerLiveness
from perijove_scheduler.queue.redis.link import RedisLink

_DRAIN = Drain().model_dump_json()


class Workers:
    """The workers of all groups."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def tell_many(self, messages: Sequence[tuple[str, str, Control]]) -> None:
        """Append control messages to workers' streams."""
        bounds = limits.CONTROL_LENGTH, limits.CONTROL_FOR
        await self._link.call_many(
            [
                call("tell", GroupKeys(group).prefix, worker, message.model_dump_json(), *bounds)
                for group, worker, message in messages
            ]
        )

    async def drain(self, group: str, worker: str, only_idle: bool) -> bool:
        """Fence a worker and tell it to drain."""
        bounds = limits.CONTROL_LENGTH, limits.CONTROL_FOR
        command = call("drain", GroupKeys(group).prefix, worker, int(only_idle), _DRAIN, *bounds)
        return bool(await self._link.call(command))

    async def list(self, group: str) -> list[WorkerLiveness]:
        """Return the group's registered workers."""
        keys = GroupKeys(group)
        now = await self._link.now()
        renewals: Any = await reach(self._link.redis.zrange(keys.workers, 0, -1, withscores=True))
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for worker, _ in renewals:
                pipe.hgetall(keys.worker(worker.decode()))
                pipe.hgetall(keys.held(worker.decode()))
            answers = iter(await reach(pipe.execute()))
        described = [
            _liveness(worker.decode(), now - renewed / 1000, next(answers), next(answers))
            for worker, renewed in renewals
        ]
        return [worker for worker in described if worker is not None]

    async def glance(self, groups: Collection[str]) -> dict[str, dict[str, Glance]]:
        """Return the registered workers of groups, in short."""
        answers = await self._link.call_many([call("glance", GroupKeys(group).prefix) for group in groups])
        return {
            group: {
                worker.decode(): Glance(max(0.0, silent / 1000), state.decode(), bool(held))
                for worker, silent, state, held in answer
            }
            for group, answer in zip(groups, answers, strict=True)
        }

    async def remove(self, group: str, worker: str) -> None:
        """Forget a worker."""
        await self._link.call(call("remove_worker", GroupKeys(group).prefix, worker))


def _liveness(
    worker: str, silent_for: float, fields: Mapping[bytes, bytes], held: Mapping[bytes, bytes]
) -> WorkerLiveness | None:
    if not fields:
        return None  # it left between the two reads
    text = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
    return WorkerLiveness(
        worker=worker,
        silent_for=max(0.0, silent_for),
        state=text["state"],
        capacity=Resources(cpus=float(text["cpus"]), memory=int(text["memory"]), gpus=int(text["gpus"])),
        host=text["host"],
        version=text["version"],
        held={execution.decode(): int(attempt) for execution, attempt in held.items()},
    )
