"""Whether an execution fits a worker, as a condition of SQL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_

from perijove.model.spec import Resources
from perijove_scheduler.store.tables import ExecutionRow

#: CPUs, bytes of memory and GPUs of a worker; infinite is what it does not limit.
Amounts = tuple[float, float, float]

_DEFAULTS = Resources()
# CPUs are fractions, and have come through text.
_TOLERANCE = 1e-9


def fits(row: type[ExecutionRow], workers: Sequence[Amounts]) -> ColumnElement[bool]:
    """Hold for an execution that one of these workers is large enough for."""
    return or_(false(), *(_fits(row, worker) for worker in workers))


def _fits(row: type[ExecutionRow], worker: Amounts) -> ColumnElement[bool]:
    amounts = zip(("cpus", "memory", "gpus"), worker, strict=True)
    return and_(*(_asked(row, name) <= most + _TOLERANCE for name, most in amounts if most != math.inf))


def _asked(row: type[ExecutionRow], name: str) -> ColumnElement[Any]:
    return func.coalesce(row.spec["resources", name].as_float(), getattr(_DEFAULTS, name))
