"""The code snapshot: a project folder as one content-addressed, deterministic ``tar.zst``.

`scan` says what would go along, `pack` writes the archive and names it by its digest, `inspect` reads one that somebody
sent, `unpack` lays it out on a worker.
All of it is synchronous; asynchronous callers use a thread.
"""

from perijove.code.archive import Packed, pack
from perijove.code.entries import inspect
from perijove.code.extraction import unpack
from perijove.code.ignore import ALWAYS, BUILT_IN
from perijove.code.plan import DEFAULT_LIMIT, Entry, Plan
from perijove.code.scanner import scan
from perijove.model.sizes import describe_size

__all__ = [
    "ALWAYS",
    "BUILT_IN",
    "DEFAULT_LIMIT",
    "Entry",
    "Packed",
    "Plan",
    "describe_size",
    "inspect",
    "pack",
    "scan",
    "unpack",
]
