"""Whatever work prints goes through a real agent into the database and the records: it ends once, and none is lost."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from perijove.model.events import EVENT, Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.tickets import Ticket
from perijove.safe_json import METADATA, fits, repaired, repaired_text
from perijove_agent.records.latest import Latest
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.documents import plain
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import ExecutionRow, GroupRow, ProjectRow

#: Examples take a second each; one that fails is shown as it was found.
ANY = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
TEXT = st.text(st.characters())
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=5).map(json.dumps)
ODD = st.sampled_from(
    [
        '{"note": "\\ud83d"}',
        '{"a\\u0000": "\\u0000"}',
        '{"deep": ' + "[" * 250 + "]" * 250 + "}",
        '{"deeper": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"number": ' + "9" * 5_000 + "}",
        '{"large": "' + "x" * 70_000 + '"}',
        json.dumps({f"key {number}": number for number in range(700)}),
        '{"": 1e999, "n": NaN}',
        '{"a": 1, "a": 2}',
    ]
)
LINES = st.lists(OBJECT | ODD | TEXT, max_size=8)


_DISPLAY = (
    "from IPython.display import display\ndisplay({'text/plain': 'x', 'application/json': value}, raw=True)\nvalue"
)


class Database:
    """A database with a project, into which executions and their events are written."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._project = new_id("pr")
        self._number = 0

    async def prepare(self) -> None:
        async with self.store.write() as session:
            session.add(ProjectRow(id=self._project, name="demo", owner="ada", created_at=db_now()))
            session.add(GroupRow(name="local", settings={}, token_sha256="", created_at=db_now()))

    async def row_of(self, master: Any, ticket: Ticket) -> ExecutionRow:
        """Write an execution and what was told of it, as it came through the wire; return what became of it."""
        self._number += 1
        async with self.store.write() as session:
            session.add(
                ExecutionRow(
                    id=ticket.execution, project_id=self._project, number=self._number, owner="ada", group_name="local",
                    status="queued", attempt=1, retries_left=2, priority=0, spec={}, created_at=db_now(),
                )
            )  # fmt: skip
        events = [event for event in master.events if getattr(event, "execution", "") == ticket.execution]
        await self.store.lifecycle.apply([("local", EVENT.validate_json(e.model_dump_json())) for e in events])
        async with self.store.read() as session:
            return await session.get_one(ExecutionRow, ticket.execution)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    store = await Store.open(f"sqlite:///{tmp_path}/perijove.db")
    await store.migrate()
    database = Database(store)
    await database.prepare()
    yield database
    await store.aclose()


def metadata_of(lines: Iterable[str]) -> dict[str, Any]:
    """Return the metadata of what was printed, as `perijove.safe_json` has it."""
    latest = Latest()
    for line in (line.strip() for line in lines):
        try:
            value = json.loads(line) if line.startswith("{") and line.endswith("}") else None
        except (ValueError, RecursionError):
            continue
        if value and fits(value, METADATA):
            latest.update(repaired(value))
    return latest.values


async def check(master: Any, database: Database, ticket: Ticket, printed: str) -> Finished:
    """Check that there is one end, and that the database has what was printed."""
    row = await database.row_of(master, ticket)
    ends = [e for e in master.events if isinstance(e, Finished) and e.execution == ticket.execution]
    assert [end.attempt for end in ends] == [1]
    assert (row.status, row.attempt, row.reason) == ("complete", 1, "ok")
    assert row.values == plain(metadata_of(printed.split("\n")))
    return ends[0]


def text_of(records: list[Any], name: str) -> str:
    """Return what commands printed, or the first cell; behind it a kernel warns of what it does not like to send."""
    pieces = [r.text for r in records if r.kind == "log" and r.stream == name]
    shown = [r.content for r in records if r.kind == "output" and r.message == "stream" and r.cell == "c1"]
    return "".join(pieces + [content["text"] for content in shown if content["name"] == name])


@pytest.mark.usefixtures("agent")
@given(data=st.binary(max_size=200) | LINES.map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")))
@ANY
async def test_whatever_a_command_prints_it_ends_once_and_the_database_has_it(
    master: Any, command: Any, database: Database, data: bytes
) -> None:
    here = base64.b64encode(data).decode()
    lines = [f"printf %s {here[start : start + 50_000]} >>data" for start in range(0, len(here) + 1, 50_000)]
    ticket = command(*lines, "base64 -d data; base64 -d data >&2")
    finished, records = await master.run_ticket(ticket)
    printed = data.decode("utf-8", "replace")
    assert (finished.reason, text_of(records, "stdout"), text_of(records, "stderr")) == (Reason.OK, printed, printed)
    await check(master, database, ticket, printed)


@pytest.mark.usefixtures("agent")
@given(lines=LINES, shown=JSON, name=TEXT.filter(lambda name: "\0" not in name))
@ANY
async def test_whatever_a_notebook_prints_shows_and_raises_it_ends_once_and_the_database_has_it(
    master: Any, notebook: Any, database: Database, lines: list[str], shown: Any, name: str
) -> None:
    text = "\n".join(lines)
    sources = (
        f"import json, sys\ntext = json.loads({json.dumps(text)!r})\nsys.stdout.write(text); sys.stderr.write(text)",
        f"value = json.loads({json.dumps(shown)!r})\n{_DISPLAY}",
        f"raise type(str(ascii({name!r})), (Exception,), {{}})(json.loads({json.dumps(text)!r}))",
    )
    # A kernel refuses to send some halves of surrogate pairs, in the cell that shows them.
    ticket = notebook(*sources, tags={number: ["raises-exception"] for number in (2, 3)})
    finished, records = await master.run_ticket(ticket)
    printed = repaired_text(text)
    assert (finished.reason, text_of(records, "stdout"), text_of(records, "stderr")) == (Reason.OK, printed, printed)
    await check(master, database, ticket, printed)
    json.loads(await master.output(ticket, "book.ipynb"), parse_constant=pytest.fail)
