"""The configuration files work reads: ``parameters.json``, ``inputs.json`` and ``execution.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perijove.model.tickets import Ticket


@dataclass(frozen=True)
class InputFile:
    """One fetched file of an input."""

    input: str
    uri: str
    path: Path
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the entry ``inputs.json`` has for it; valohai-utils reads exactly these fields."""
        return {
            "name": self.path.name,
            "uri": self.uri,
            "path": str(self.path),
            "size": self.size,
            "checksums": {"sha256": self.sha256},
        }


def write_config(folder: Path, ticket: Ticket, files: Sequence[InputFile]) -> None:
    """Write the three files into `folder`."""
    inputs: dict[str, Any] = {item.name: {"files": []} for item in ticket.spec.inputs}
    for file in files:
        inputs[file.input]["files"].append(file.as_json())
    execution = {
        "id": ticket.execution,
        "attempt": ticket.attempt,
        "number": ticket.number,
        "project": ticket.project,
        "owner": ticket.owner,
        "group": ticket.spec.group,
        "title": ticket.spec.title,
        "tags": ticket.spec.tags,
        "spec": ticket.spec.as_json(),
    }
    for name, value in (("parameters", ticket.spec.parameters), ("inputs", inputs), ("execution", execution)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False), "utf-8")
