"""Offering tickets and taking them back."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from perijove.model.control import Wake
from perijove.model.tickets import Ticket
from perijove.wire import limits
from perijove.wire.agent import room
from perijove.wire.envelopes import attempt_number
from perijove.wire.keys import GroupKeys
from perijove.wire.scripts import call
from perijove_scheduler.queue.protocol import Attempt, TicketState
from perijove_scheduler.queue.redis.link import Command, RedisLink

_WAKE = Wake().model_dump_json()


class Tickets:
    """The tickets of all groups; `lease` is in seconds."""

    def __init__(self, link: RedisLink, lease: float) -> None:
        self._link = link
        self._lease = int(lease * 1000)

    async def offer_many(self, tickets: Sequence[Ticket]) -> list[bool]:
        """Offer each ticket, pipelined."""
        if not tickets:
            return []
        return [bool(answer) for answer in await self._link.call_many([_offer(t, self._lease) for t in tickets])]

    async def withdraw_many(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Take back offered tickets."""
        lifetime = int(limits.WITHDRAWN_FOR * 1000)
        commands = [call("withdraw", GroupKeys(group).prefix, one, n, lifetime) for group, one, n in attempts]
        return [bool(answer) for answer in await self._link.call_many(commands)]

    async def forget_many(self, attempts: Sequence[Attempt]) -> None:
        """Drop tickets of these or older attempts."""
        lifetimes = int(limits.FORGOTTEN_FOR * 1000), int(limits.WITHDRAWN_FOR * 1000)
        await self._link.call_many(
            [call("forget", GroupKeys(group).prefix, one, n, *lifetimes) for group, one, n in attempts]
        )

    async def states(self, group: str, executions: Sequence[str]) -> list[TicketState | None]:
        """Return where each ticket stands, pipelined."""
        keys = GroupKeys(group)
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for execution in executions:
                pipe.hmget(keys.ticket(execution), ["attempt", "state", "worker"])
            return [_state(fields) for fields in await self._link.answers(pipe)]

    async def depths(self, groups: Collection[str]) -> dict[str, int]:
        """Return how many tickets of each group are offered."""
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for group in groups:
                pipe.llen(GroupKeys(group).queue)
            return {group: depth or 0 for group, depth in zip(groups, await self._link.answers(pipe), strict=True)}


def _offer(ticket: Ticket, lease: int) -> Command:
    return call(
        "offer",
        GroupKeys(ticket.spec.group).prefix,
        ticket.execution,
        ticket.attempt,
        ticket.model_dump_json(by_alias=True, exclude_defaults=True),
        *room(ticket.spec.resources),
        lease,
        limits.CLAIM_SCAN,
        _WAKE,
        limits.CONTROL_LENGTH,
        limits.CONTROL_FOR,
    )


def _state(fields: Sequence[bytes | None] | None) -> TicketState | None:
    attempt, state, worker = (
        field.decode(errors="replace") if field is not None else "" for field in fields or (None, None, None)
    )
    number = attempt_number(attempt)
    # A forgotten ticket only tells its former holder so.
    return None if number is None or state in ("", "forgotten") else TicketState(number, state, worker)
