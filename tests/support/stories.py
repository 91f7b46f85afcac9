"""What the integration tests say in one word: a notebook of these cells, an execution of it, and what it told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nbformat.v4 import new_code_cell, new_notebook

from perijove.client.client import Client
from perijove.client.events import Changed, Recorded
from perijove.model.records import CellRecord, OutputRecord, Record
from perijove.model.resources import Execution, ExecutionDetail
from perijove.model.spec import Notebook, Spec

Watch = Callable[[Record], None]


def notebook(*cells: str, kernel: str = "python3", **kinds: Any) -> dict[str, Any]:
    """Return a notebook document with these code cells, whose ids are ``cell-1``, ``cell-2`` …"""
    made = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells, 1)]
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    return {**new_notebook(cells=made, metadata={"kernelspec": spec, **kinds})}


def submit(client: Client, *cells: str, kernel: str = "python3", **spec: Any) -> Execution:
    """Create an execution of a notebook with these cells."""
    work = Spec(notebook=Notebook(path="notebook.ipynb"), group=spec.pop("group", "local"), **spec)
    return client.executions.create(work, notebook=notebook(*cells, kernel=kernel))


@dataclass
class Story:
    """Everything an execution told from its first record to its end.

    Attributes
    ----------
    places : list of (int, int)
        Each record's attempt and number, in the order they came.
    """

    client: Client
    id: str
    records: list[Record] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    @property
    def end(self) -> ExecutionDetail:
        """The execution as it stands now."""
        return self.client.executions.get(self.id)

    @property
    def log(self) -> str:
        """The log's text, as REST serves it."""
        return b"".join(self.client.executions.log(self.id)).decode()

    def printed(self) -> str:
        """Return what the cells wrote to their streams, in order."""
        streams = [r for r in self.records if isinstance(r, OutputRecord) and r.message == "stream"]
        return "".join(r.content["text"] for r in streams if r.content is not None)

    def cells(self) -> list[tuple[str, str]]:
        """Return each cell's id and state, as they changed."""
        return [(r.cell, r.state.value) for r in self.records if isinstance(r, CellRecord)]


def _nothing(_record: Record) -> None:
    """Watch nothing."""


def follow(client: Client, execution: Execution, watch: Watch = _nothing) -> Story:
    """Follow an execution to its end; `watch` sees each record as it comes, so that a test can act in the middle."""
    story = Story(client, execution.id)
    for event in client.executions.events(execution.id):
        if isinstance(event, Recorded):
            story.records.append(event.record)
            story.places.append((event.attempt, event.record.n))
            watch(event.record)
        else:
            assert isinstance(event, Changed)
    return story


def run(client: Client, *cells: str, **spec: Any) -> Story:
    """Run a notebook of these cells to its end."""
    return follow(client, submit(client, *cells, **spec))
