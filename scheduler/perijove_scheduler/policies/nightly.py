"""When something that is done once a night is due."""

from __future__ import annotations

from datetime import datetime, timedelta


def latest(now: datetime, hour: int, jitter: float) -> datetime:
    """Return the last time it was planned for: today or yesterday at `hour`, and `jitter` seconds later."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(seconds=jitter)
    return today if today <= now else today - timedelta(days=1)


def is_due(last: datetime | None, now: datetime, hour: int, jitter: float) -> bool:
    """Return whether it was missed since it was done `last`; what was never done is due."""
    return last is None or last < latest(now, hour, jitter)


def seconds_until(now: datetime, hour: int, jitter: float) -> float:
    """Return the seconds until the next time it is planned for."""
    return (latest(now, hour, jitter) + timedelta(days=1) - now).total_seconds()
