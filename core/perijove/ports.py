"""Ports on this machine's loopback."""

from __future__ import annotations

import errno
import random
import socket
from itertools import islice
from pathlib import Path

_LOWEST = 10_000
#: Ports that are looked at, at most.
_SPAN = 1000


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of the loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return `count` distinct free ports.

    The system gives ports of a range of its own to whoever connects to something: one of those may be taken again at
    any time until a server listens on it, and while that server is restarted. So these lie below that range.
    """
    candidates = random.SystemRandom().sample(range(_LOWEST, max(_first_given(), _LOWEST + _SPAN)), _SPAN)
    found = list(islice(filter(is_free, candidates), count))
    if len(found) < count:
        raise OSError(errno.EADDRNOTAVAIL, f"No {count} ports of the loopback are free.")
    return found


def _first_given() -> int:
    """Return the first port that the system gives to clients (`ip(7)`, ``ip_local_port_range``)."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768
