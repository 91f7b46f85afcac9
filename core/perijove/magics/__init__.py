"""``%%remote``: runs a cell on a worker group with what it needs, and brings variables back.

``%load_ext perijove`` loads it. What speaks to the service, and what reads notebooks, is imported when a cell is sent.
"""

from perijove.magics.extension import RemoteMagics, load, unload
from perijove.magics.failures import (
    InterruptedRun,
    RemoteError,
    UnknownVariable,
    UnpicklableVariable,
    UnreadableResults,
)

__all__ = [
    "InterruptedRun",
    "RemoteError",
    "RemoteMagics",
    "UnknownVariable",
    "UnpicklableVariable",
    "UnreadableResults",
    "load",
    "unload",
]
