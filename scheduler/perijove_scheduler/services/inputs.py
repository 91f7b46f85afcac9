"""Why something cannot be deleted: somebody's input lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from perijove.errors import Conflict
from perijove_scheduler.store.data import InputInUse


@contextmanager
def refusing_inputs() -> Iterator[None]:
    """Turn the store's refusal to delete what an execution needs into a sentence that names that execution.

    It is named even to somebody who does not see it: its person chose that input, and only they can let go of it.
    """
    try:
        yield
    except InputInUse as used:
        first, others = used.readers[0], len(used.readers) - 1
        who = f"execution {first.owner}/{first.project_name}/{first.number} ({first.execution})"
        more = f" and {others} more" if others else ""
        raise Conflict(
            f"An output of it is an input of {who}{more}, which has not ended.",
            "Stop that execution, or wait until it has ended.",
        ) from used
