"""How notebooks end themselves: `sys.exit`, `exit()` and `quit()`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perijove.model.reasons import Reason
from perijove_agent.ending import Ending

_EXIT = "SystemExit"
#: What `SystemExit` prints for the statuses that Python takes for success.
_SUCCESS = frozenset({"", "0", "None", "False"})
_LONGEST = 300


def asks_to_exit(reply: Mapping[str, Any]) -> bool:
    """Return whether a cell called `exit()` or `quit()`, which in a kernel raise nothing."""
    payload = reply.get("payload")
    return isinstance(payload, list) and any(
        isinstance(item, dict) and item.get("source") == "ask_exit" for item in payload
    )


def raised(name: str, value: str, ended: str) -> Ending:
    """Return the ending of a run whose cell raised an exception.

    As in a script, `sys.exit` without a status, or with 0, is no failure: the run is complete. Any other number is
    the run's exit status, and a text stands for 1.

    Parameters
    ----------
    name, value : str
        The exception's name and text.
    ended : str
        What is said of a run that ended itself.
    """
    first = value.strip().split("\n", 1)[0]
    detail = f"{name}: {first[:_LONGEST]}" if first else name
    if name != _EXIT:
        return Ending(Reason.CELL_ERROR, detail)
    if first in _SUCCESS:
        return Ending(Reason.OK, ended, 0)
    status = int(first) % 256 if re.fullmatch(r"-?[0-9]{1,9}", first) else 1
    return Ending(Reason.CELL_ERROR, detail, status)
