"""What PostgreSQL does for each statement that the store sends: its plan, and how many rows that read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

_EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True)
class Plan:
    """One statement, as it was really sent, and what it was seen to do."""

    statement: str
    root: dict[str, Any]

    @property
    def returned(self) -> int:
        """How many rows it returned, or changed."""
        return max(
            round(node["Actual Rows"] * node["Actual Loops"]) for node in (self.root, *self.root.get("Plans", []))
        )

    @property
    def read(self) -> int:
        """How many rows were looked at, those that were left out included."""
        return round(sum(_read(node) for node in self._nodes()))

    @property
    def scanned(self) -> set[str]:
        """The tables that were read from one end to the other."""
        return {node["Relation Name"] for node in self._nodes() if node["Node Type"].endswith("Seq Scan")}

    def _nodes(self) -> Iterator[dict[str, Any]]:
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])

    def __str__(self) -> str:
        lines = [
            f"{node['Node Type']} {node.get('Relation Name', '')} {node.get('Index Name', '')}: {_read(node):.0f} rows"
            for node in self._nodes()
        ]
        return "\n".join([self.statement, *lines])


def _read(node: dict[str, Any]) -> float:
    if "Scan" not in node["Node Type"] or node["Node Type"] in {"Subquery Scan", "CTE Scan", "Function Scan"}:
        return 0
    left_out = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    each = node["Actual Rows"] + sum(node.get(name, 0) for name in left_out)
    return float(each * node["Actual Loops"])


@contextmanager
def plans_of(engine: AsyncEngine) -> Iterator[list[Plan]]:
    """Explain every statement that goes over an engine, just before it is run.

    Explaining runs it. What it changes is taken back, and then done.
    """
    plans: list[Plan] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if not statement.lstrip().startswith(_EXPLAINED):
            return
        single = parameters[0] if isinstance(parameters, list) else parameters
        autocommits = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if not autocommits:
            cursor.execute("SAVEPOINT explaining")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", single)
        (found,) = cursor.fetchone()
        if not autocommits:
            cursor.execute("ROLLBACK TO SAVEPOINT explaining")
        document = json.loads(found) if isinstance(found, str) else found
        plans.append(Plan(statement, document[0]["Plan"]))

    event.listen(engine.sync_engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", explain)
