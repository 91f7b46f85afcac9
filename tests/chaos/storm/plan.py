"""What a run executes, made from its seed: every work says what must be found of it afterwards."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

from nbformat.v4 import new_code_cell, new_notebook

from perijove.model.reasons import Reason
from perijove.model.spec import Notebook, Spec
from storm.hostile import CELL, FAILURE, LINES

GROUP = "storm"
#: The name of the executed notebook among an execution's outputs.
EXECUTED = "book.ipynb"
#: More than any run of faults uses up: how often infrastructure may fail is a test of its own.
_RETRIES = 100
_CHUNKS = 10
_FAILURE = "raise RuntimeError('on purpose')"
#: How often each kind comes, of a hundred.
_SHARES = {
    "command": 35, "notebook": 22, "failing command": 10, "failing notebook": 8,
    "hostile command": 13, "hostile notebook": 9, "failing hostile notebook": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """One execution to be: what is submitted, and what must be found.

    Attributes
    ----------
    lines : int
        How many numbered lines it prints, from 0.
    outputs : dict
        Name → SHA-256 of what it writes; the executed notebook comes on top.
    """

    name: str
    spec: Spec
    document: dict[str, Any] | None
    reason: Reason
    lines: int
    outputs: dict[str, str]


def make_plan(seed: int, count: int) -> list[Work]:
    """Return `count` works; the same seed makes the same ones."""
    chance = random.Random(f"plan {seed} ")
    # One of each kind comes first, so that a short plan has them too.
    kinds = [*_SHARES][:count] + chance.choices(list(_SHARES), list(_SHARES.values()), k=max(0, count - len(_SHARES)))
    return [_work(f"{kind} {number}", kind, chance) for number, kind in enumerate(kinds)]


def _work(name: str, kind: str, chance: random.Random) -> Work:
    content = f"{name} {chance.getrandbits(64):016x}"
    outputs = {"result.txt": hashlib.sha256(content.encode()).hexdigest()}
    pause, fails = chance.choice([0.0, 0.02, 0.1]), kind.startswith("failing")
    common: dict[str, Any] = {"title": name, "group": GROUP, "retries": _RETRIES}
    if kind.endswith("command"):
        lines = chance.randrange(20, 400) // _CHUNKS * _CHUNKS
        hostile = LINES if "hostile" in kind else ()
        spec = Spec(command=[*_commands(content, lines, pause, fails), *hostile], **common)
        return Work(name, spec, None, Reason.NONZERO_EXIT if fails else Reason.OK, lines, outputs)
    lines = 2000
    spec = Spec(notebook=Notebook(path=EXECUTED), **common)
    document = _notebook(content, lines, pause, fails, hostile="hostile" in kind)
    return Work(name, spec, document, Reason.CELL_ERROR if fails else Reason.OK, lines, outputs)


def _commands(content: str, lines: int, pause: float, fails: bool) -> list[str]:
    step = lines // _CHUNKS
    counting = f"for i in $(seq 0 {step} {lines - 1}); do seq -f 'line %.0f' $i $((i+{step - 1})); sleep {pause}; done"
    return [f"printf '%s' '{content}' > $PERIJOVE_OUTPUTS/result.txt", f"{counting}{'; exit 3' * fails}"]


def _notebook(content: str, lines: int, pause: float, fails: bool, *, hostile: bool) -> dict[str, Any]:
    writing = (
        f"import os, pathlib, time\npathlib.Path(os.environ['PERIJOVE_OUTPUTS'], 'result.txt').write_text({content!r})"
    )
    step = lines // _CHUNKS
    counting = (
        f"for n in range({lines}):\n    print(f'line {{n}}')\n    if n % {step} == 0:\n        time.sleep({pause})"
        + f"\n{FAILURE if hostile else _FAILURE}" * fails
    )
    sources = (CELL, writing, counting) if hostile else (writing, counting)
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    spec = {"name": "python3", "display_name": "python3", "language": "python"}
    return {**new_notebook(cells=cells, metadata={"kernelspec": spec})}
