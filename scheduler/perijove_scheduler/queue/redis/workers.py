"""The registered workers: who they are, what they are told, and how they are fenced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pydantic import ValidationError

from perijove.model.control import Control, Drain
from perijove.model.spec import Resources
from perijove.wire import limits
from perijove.wire.envelopes import attempt_number
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
        async with self._link.redis.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.workers, 0, -1, withscores=True)
            (found,) = await self._link.answers(pipe)
        renewals = [(worker.decode(errors="replace"), renewed) for worker, renewed in found or ()]
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for worker, _ in renewals:
                pipe.hgetall(keys.worker(worker))
                pipe.hgetall(keys.held(worker))
            answers = iter(await self._link.answers(pipe))
        described = [
            _liveness(worker, now - max(0, renewed / 1000), next(answers), next(answers))
            for worker, renewed in renewals
        ]
        return [worker for worker in described if worker is not None]

    async def glance(self, groups: Collection[str]) -> dict[str, dict[str, Glance]]:
        """Return the registered workers of groups, in short."""
        answers = await self._link.call_many([call("glance", GroupKeys(group).prefix) for group in groups])
        return {
            group: {
                worker.decode(errors="replace"): Glance(
                    max(0.0, silent / 1000), state.decode(errors="replace"), bool(held)
                )
                for worker, silent, state, held in answer or ()
            }
            for group, answer in zip(groups, answers, strict=True)
        }

    async def remove(self, group: str, worker: str) -> None:
        """Forget a worker."""
        await self._link.call(call("remove_worker", GroupKeys(group).prefix, worker))


def _liveness(
    worker: str, silent_for: float, fields: Mapping[bytes, bytes] | None, held: Mapping[bytes, bytes] | None
) -> WorkerLiveness | None:
    """Read what a worker wrote of itself, which may be anything."""
    if not fields:
        return None  # it left between the two reads
    text, attempts = _decoded(fields), _decoded(held or {})
    return WorkerLiveness(
        worker=worker,
        silent_for=max(0.0, silent_for),
        state=text["state"],
        capacity=_capacity(text),
        host=text["host"],
        version=text["version"],
        held={one: number for one, attempt in attempts.items() if (number := attempt_number(attempt)) is not None},
    )


def _decoded(fields: Mapping[bytes, bytes]) -> defaultdict[str, str]:
    return defaultdict(str, {k.decode(errors="replace"): v.decode(errors="replace") for k, v in fields.items()})


def _capacity(text: Mapping[str, str]) -> Resources:
    try:
        return Resources.model_validate({name: text[name] for name in ("cpus", "memory", "gpus")})
    except ValidationError:
        return Resources()
