"""What one agent is told at its start."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from perijove.model.spec import Resources

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class Settings:
    """The settings of one agent.

    Attributes
    ----------
    url : str
        The service's base address; ``api/v1/agents`` lies below it.
    group : str
        The worker group.
    token : str
        The group's enrolment token.
    data_dir : Path
        Holds the spools, the cache and the attempts' folders.
    capacity : Resources
        What this worker offers.
    worker : str, optional
        The worker id, when the master chose it.
    python : str
        The Python that runs the default kernel.
    grace : float
        Seconds between an interrupt and a kill, when work is stopped.
    leave_within : float
        Seconds it takes at most, when told to end, to store what is done and to hand the rest back.
    spool_room : int
        Bytes of an attempt's records that may wait for Redis before its work has to.
    stream_room : int
        Bytes of an attempt's records that may be in Redis and not yet in the object store.
    segment_size : int
        Bytes of records that go to the object store together.
    cache_limit : int
        Bytes of fetched code and data to keep.
    code_limit : int
        The most bytes a code snapshot may unpack to.
    input_limit : int
        The most bytes of one input that another server sends.
    orphaned_after : float
        Seconds an idle agent waits for a platform that is gone before it leaves.
    stats_every : float
        Seconds between two samples of what work uses.
    warm_kernels : int, optional
        How many kernels to keep warm; by default what the group says.
    """

    url: str
    group: str
    token: str = field(repr=False)
    data_dir: Path
    capacity: Resources
    worker: str | None = None
    python: str = sys.executable
    grace: float = 30.0
    leave_within: float = 5.0
    spool_room: int = 64 * MIB
    stream_room: int = 24 * MIB
    segment_size: int = 8 * MIB
    cache_limit: int = 20 * GIB
    code_limit: int = 8 * GIB
    input_limit: int = 100 * GIB
    orphaned_after: float = 3600.0
    stats_every: float = 2.0
    warm_kernels: int | None = None
