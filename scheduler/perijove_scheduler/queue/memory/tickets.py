"""The transitions of tickets, as the Lua scripts do them: each function is one script."""

from __future__ import annotations

from collections.abc import Callable

from perijove.model.control import Wake
from perijove.model.events import Finished
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire import limits
from perijove.wire.envelopes import Envelope
from perijove.wire.protocol import LEASE, Renewal
from perijove.wire.protocol import Held as HeldAttempt
from perijove_scheduler.queue.memory.state import GroupState, TicketEntry


def fits(need: Resources, room: Resources) -> bool:
    """Return whether `need` can be had of `room`."""
    return need.cpus <= room.cpus and need.memory <= room.memory and need.gpus <= room.gpus


def offer(state: GroupState, ticket: Ticket, now: float) -> bool:
    """Offer a ticket, unless the same or a later attempt stands, and wake an idle worker that has room for it."""
    old = state.tickets.get(ticket.execution)
    if old and (old.attempt > ticket.attempt or (old.attempt == ticket.attempt and old.state != "forgotten")):
        return False
    if old:
        state.unqueue(ticket.execution)
        state.release(ticket.execution, old.worker)
    state.tickets[ticket.execution] = TicketEntry(ticket.attempt, "offered", ticket)
    state.queue.append(ticket.execution)
    _wake(state, ticket, now)
    return True


def _wake(state: GroupState, ticket: Ticket, now: float) -> None:
    # The one that became idle last: its caches are warm, and the others may idle out.
    waiting = sorted(((w.idle, name) for name, w in state.workers.items() if w.idle is not None), reverse=True)
    for _, name in waiting[: limits.CLAIM_SCAN]:
        worker = state.workers[name]
        if now - worker.renewed < LEASE and fits(ticket.spec.resources, worker.free):
            worker.idle = None
            state.tell(name, Wake())
            return


def withdraw(state: GroupState, execution: str, attempt: int, now: float) -> bool:
    """Take an offered attempt back. An attempt that is not there yet is refused when its offer comes."""
    old = state.tickets.get(execution)
    if old and (old.attempt > attempt or (old.attempt == attempt and old.state != "offered")):
        return False
    if old and old.attempt < attempt and old.state == "claimed":
        return False
    offered = bool(old and old.attempt == attempt)
    state.unqueue(execution)
    state.tickets[execution] = TicketEntry(attempt, "withdrawn", expires=now + limits.WITHDRAWN_FOR)
    return offered


def forget(state: GroupState, execution: str, attempt: int, now: float) -> None:
    """Drop a ticket of this or an older attempt; whoever holds it learns so at its next renewal.

    One that was withdrawn may be offered again from now on; one that ended may not.
    """
    old = state.tickets.get(execution)
    if old is None or old.attempt > attempt or old.state == "forgotten":
        return
    if old.state == "ended":
        old.expires = now + limits.WITHDRAWN_FOR
        return
    state.unqueue(execution)
    state.release(execution, old.worker)
    expires = now + limits.FORGOTTEN_FOR
    state.tickets[execution] = TicketEntry(old.attempt, "forgotten", worker=old.worker, expires=expires)


def claim(state: GroupState, worker: str, free: Resources, now: float) -> Ticket | None:
    """Take the oldest ticket that fits, or mark the worker idle."""
    me = state.workers.get(worker)
    if me is None or me.state != "active":
        return None
    passed: list[TicketEntry] = []
    for execution in state.queue[: limits.CLAIM_SCAN]:
        entry = state.tickets.get(execution)
        if entry is None or entry.state != "offered" or entry.ticket is None:
            state.unqueue(execution)
            continue
        need = entry.ticket.spec.resources
        if fits(need, free):
            return _take(state, worker, entry, entry.ticket, passed, now)
        if fits(need, me.capacity):
            if entry.passed >= limits.PASSES:
                break
            passed.append(entry)
    me.idle, me.free = now, free
    return None


def _take(
    state: GroupState, worker: str, entry: TicketEntry, ticket: Ticket, passed: list[TicketEntry], now: float
) -> Ticket:
    for older in passed:
        older.passed += 1
    state.unqueue(ticket.execution)
    state.workers[worker].idle = None
    _hold(state, worker, ticket.execution, entry, now)
    return ticket


def _hold(state: GroupState, worker: str, execution: str, entry: TicketEntry, now: float) -> None:
    entry.state, entry.worker, entry.claimed, entry.lease = "claimed", worker, now, now + LEASE
    state.held[worker][execution] = entry.attempt


def renew(
    state: GroupState, worker: str, held: list[HeldAttempt], announced: Callable[[HeldAttempt], Envelope], now: float
) -> tuple[Renewal, list[HeldAttempt]]:
    """Renew the tickets a worker names, take back those that were lost, and find those it does not know of.

    Parameters
    ----------
    announced : callable
        Returns the event that says that an attempt is held.

    Returns
    -------
    tuple of Renewal and list of HeldAttempt
        What the worker is told, and what it holds without a ticket.
    """
    renewal, lost = Renewal(draining=state.workers[worker].state != "active"), []
    for item in held:
        entry = state.tickets.get(item.execution)
        if entry is None or entry.attempt < item.attempt or (_same(entry, item) and entry.state == "offered"):
            _restore(state, worker, item, entry, now)
            state.emit(announced(item))
            renewal.forgotten.append(item)
        elif _same(entry, item) and entry.state == "claimed" and entry.worker == worker:
            entry.lease = now + LEASE
            state.held[worker][item.execution] = item.attempt
        else:
            renewal.superseded.append(item)
            if state.held[worker].get(item.execution) == item.attempt:
                state.release(item.execution, worker)
    named = {item.execution for item in held}
    for execution, attempt in list(state.held[worker].items()):
        if execution not in named and (entry := _orphan(state, worker, execution, attempt, now)):
            if entry.ticket is None:
                lost.append(HeldAttempt(execution, attempt))
            else:
                renewal.orphans.append(entry.ticket)
    return renewal, lost


def _same(entry: TicketEntry, item: HeldAttempt) -> bool:
    return entry.attempt == item.attempt


def _restore(state: GroupState, worker: str, item: HeldAttempt, old: TicketEntry | None, now: float) -> None:
    state.unqueue(item.execution)
    kept = old.ticket if old is not None and _same(old, item) else None
    entry = state.tickets[item.execution] = TicketEntry(item.attempt, "claimed", kept)
    _hold(state, worker, item.execution, entry, now)


def _orphan(state: GroupState, worker: str, execution: str, attempt: int, now: float) -> TicketEntry | None:
    """Return the ticket of a claim that its worker does not know of, if it is old enough."""
    entry = state.tickets.get(execution)
    if entry is None or entry.state != "claimed" or entry.attempt != attempt or entry.worker != worker:
        state.release(execution, worker)
        return None
    return entry if now - entry.claimed > limits.ORPHAN_AFTER else None


def close(state: GroupState, event: Finished, envelope: Envelope, now: float) -> str:
    """End an attempt and emit how, unless the ticket is somebody else's by now.

    That it ended stays known for a while. A worker that ends it once more gets the same entry while that waits to be
    applied; afterwards the event is emitted again.
    """
    entry = state.tickets.get(event.execution)
    if entry is not None and _has_ended(entry, event) and entry.event in state.events.entries:
        return entry.event
    if entry is not None and not _may_close(entry, event):
        return ""
    state.unqueue(event.execution)
    state.release(event.execution, event.worker)
    name = state.emit(envelope)
    ended = TicketEntry(event.attempt, "ended", worker=event.worker, expires=now + limits.ENDED_FOR, event=name)
    state.tickets[event.execution] = ended
    return name


def _has_ended(entry: TicketEntry, event: Finished) -> bool:
    return (entry.state, entry.attempt, entry.worker) == ("ended", event.attempt, event.worker)


def _may_close(entry: TicketEntry, event: Finished) -> bool:
    if entry.attempt == event.attempt:
        its_own = entry.state in {"claimed", "ended"} and entry.worker == event.worker
        return entry.state == "offered" or its_own
    return entry.attempt < event.attempt


def drain(state: GroupState, worker: str, only_idle: bool) -> bool:
    """Fence a worker against further claims; an `only_idle` drain leaves one that holds anything alone."""
    entry = state.workers.get(worker)
    if entry is None or (only_idle and state.held[worker]):
        return False
    entry.state = "fenced" if only_idle else "draining"
    entry.idle = None
    return True


def remove(state: GroupState, worker: str) -> None:
    """Forget a worker, its control stream and what it held."""
    state.workers.pop(worker, None)
    state.held.pop(worker, None)
    state.control.pop(worker, None)


def leave(state: GroupState, worker: str, envelope: Envelope) -> None:
    """Forget a worker that left by itself, and say so."""
    remove(state, worker)
    state.emit(envelope)
