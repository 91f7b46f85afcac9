"""Executions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perijove.model.resources import Comparison
from perijove_scheduler.services import present
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.store.executions import FoundExecution


def side_by_side(found: Sequence[FoundExecution], limits: Limits) -> Comparison:
    """Compare executions: for each key one value per execution, None where it has none."""
    return Comparison(
        executions=[present.execution(each, limits) for each in found],
        parameters=table([each.row.spec.get("parameters") or {} for each in found]),
        metadata=table([each.row.values for each in found]),
        environment=table([flat(each.row.environment) for each in found]),
    )


def table(columns: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn one mapping per execution into one row per key, the keys in the order they first appear.

    Examples
    --------
    >>> table([{"a": 1}, {"a": 2, "b": 3}])
    {'a': [1, 2], 'b': [None, 3]}
    """
    keys = dict.fromkeys(key for column in columns for key in column)
    return {key: [column.get(key) for column in columns] for key in keys}


def flat(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out what is nested one level deep: ``{"packages": {"numpy": "2"}}`` → ``{"packages.numpy": "2"}``."""
    result: dict[str, Any] = {}
    for key, value in environment.items():
        result |= {f"{key}.{name}": item for name, item in value.items()} if isinstance(value, dict) else {key: value}
    return result
