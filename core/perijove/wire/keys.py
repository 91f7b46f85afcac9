"""The names of a group's keys. They share a hash tag, so a group stays in one slot and one ACL pattern covers it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupKeys:
    """The keys of one worker group."""

    group: str

    @property
    def prefix(self) -> str:
        """What every key of the group starts with; its agents' ACL pattern is this and a ``*``."""
        return f"pj:{{{self.group}}}:"

    @property
    def queue(self) -> str:
        """List of execution ids with an offered ticket, oldest first."""
        return f"{self.prefix}queue"

    @property
    def workers(self) -> str:
        """Sorted set: worker id by the time of its last renewal, in milliseconds of Redis' clock."""
        return f"{self.prefix}workers"

    @property
    def idle(self) -> str:
        """Sorted set: workers that found the queue empty, by the time they did; an offer wakes one of them."""
        return f"{self.prefix}idle"

    @property
    def events(self) -> str:
        """Stream, agents → master; field ``e`` is an event's JSON."""
        return f"{self.prefix}events"

    def ticket(self, execution: str) -> str:
        """Hash: ``attempt``, ``state``, ``worker``, ``claimed``, ``lease`` (milliseconds), ``spec``, needs, ``passed``.

        `state` is ``offered`` or ``claimed``; or, for a while after the ticket's end, ``ended``, ``withdrawn`` or
        ``forgotten``. One that ended has ``entry``, that of the event that says so.
        """
        return f"{self.prefix}ticket:{execution}"

    def worker(self, worker: str) -> str:
        """Hash of one worker: ``state`` (active, draining, fenced), capacity, what it had free when it went idle."""
        return f"{self.prefix}worker:{worker}"

    def held(self, worker: str) -> str:
        """Hash of what a worker holds: execution id → attempt."""
        return f"{self.prefix}held:{worker}"

    def control(self, worker: str) -> str:
        """Stream, master → one worker; field ``m`` is a control message's JSON."""
        return f"{self.prefix}ctl:{worker}"

    def log(self, execution: str, attempt: int) -> str:
        """Stream of an attempt's records.

        An entry's id is ``<n of its last record>-0``; field ``r`` holds its records as JSON lines, numbered without
        a gap. Redis refuses an id that is not greater than the last, so a record cannot be written twice.
        """
        return f"{self.prefix}log:{execution}:{attempt}"


#: Pub/sub channel on which the master tells its replicas that executions changed; a message is their ids, by spaces.
CHANGES = "pj:changes"
#: Pub/sub channel on which a replica tells the one that leads which loops have something to do, by spaces.
BELLS = "pj:bells"
