"""The reference lists the variables a run finds: all of them, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from perijove.model.ids import new_id
from perijove.model.spec import Spec
from perijove.model.tickets import Ticket
from perijove_agent.folders import AttemptFolders
from perijove_agent.variables import work_variables


def test_the_variables_of_a_run_are_documented(root: Path, tmp_path: Path) -> None:
    spec = Spec(command=["true"], group="local")
    ticket = Ticket(execution=new_id("ex"), attempt=1, project=new_id("pr"), number=1, owner="ada", spec=spec)
    set_by_us = {
        name for name in work_variables(ticket, AttemptFolders(tmp_path), {}) if name.startswith(("PERIJ", "VH_"))
    }
    section = (root / "docs" / "reference.md").read_text().partition("## What a run finds")[2]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`((?:PERIJOVE|VH)_[A-Z_]+)`", "\n".join(table))) == set_by_us
