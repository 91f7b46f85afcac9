"""No list grows with what somebody's work prints, and nothing is left out of one in silence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import InvalidSpec
from perijove.model.events import Advanced, OutputFile
from perijove.model.resources import Execution
from perijove_scheduler.services import excerpts
from perijove_scheduler.services.executions import ExecutionFilter
from perijove_scheduler.services.story import StateItem

KEYS = {f"metric_{n:06}": n / 7 for n in range(900)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)


async def told(local, metadata: dict) -> str:
    made = await local.submit()
    await local.start(made.id)
    fence = {"execution": made.id, "attempt": 1, "worker": local.worker}
    await local.apply(Advanced(**fence, phase="running", metadata=metadata))
    return made.id


@given(st.dictionaries(st.text(max_size=40), VALUES, max_size=120), st.none() | st.lists(st.text(max_size=5)))
def test_an_excerpt_is_bounded_and_says_whether_it_is_all(values: dict, wanted: list[str] | None) -> None:
    shown, truncated = excerpts.of_metadata(values, wanted)
    assert len(shown) <= excerpts.MOST_KEYS
    assert sum(len(json.dumps(value, ensure_ascii=False)) for value in shown.values()) <= excerpts.MOST_BYTES
    assert all(values[key] == value for key, value in shown.items())
    assert truncated is (shown != values)
    assert wanted is None or set(shown) <= set(wanted)


async def test_a_list_entry_of_many_keys_is_small_and_says_so(local) -> None:
    made = await told(local, KEYS)
    page = await local.services.executions.list(local.ada, ExecutionFilter())
    assert len(page.model_dump_json()) < 10_000
    assert (page.items[0].metadata_truncated, list(page.items[0].metadata)) == (True, list(KEYS)[:50])
    whole = await local.services.executions.get(local.ada, made)
    assert (whole.metadata, whole.metadata_truncated) == (KEYS, False)


async def test_a_list_carries_the_metadata_that_is_asked_for(local) -> None:
    await told(local, {**KEYS, "loss": 0.5, "acc": 0.9})
    (item,) = (await local.services.executions.list(local.ada, ExecutionFilter(), wanted=["acc", "loss", "none"])).items
    assert (item.metadata, item.metadata_truncated) == ({"acc": 0.9, "loss": 0.5}, True)


async def test_little_metadata_is_shown_whole(local) -> None:
    await told(local, {"loss": 0.5})
    (item,) = (await local.services.executions.list(local.ada, ExecutionFilter())).items
    assert (item.metadata, item.metadata_truncated) == ({"loss": 0.5}, False)


async def test_a_stream_tells_a_state_of_bounded_size(local) -> None:
    made = await told(local, KEYS)
    story = local.services.story.events(local.ada, made)
    state = await anext(story)
    await story.aclose()
    assert isinstance(state, StateItem)
    assert len(state.execution.model_dump_json()) < 10_000
    assert state.execution.metadata_truncated


async def test_a_comparison_has_each_value_once(local) -> None:
    made = [await told(local, {"loss": n, "text": "x" * 5000}) for n in range(2)]
    compared = await local.services.executions.compare(local.ada, made)
    assert compared.metadata == {"loss": [0, 1], "text": ["x" * 5000] * 2}
    assert [item.metadata for item in compared.executions] == [{"loss": 0}, {"loss": 1}]


async def test_a_page_ends_early_where_its_entries_are_large(local, monkeypatch) -> None:
    monkeypatch.setattr(excerpts, "PAGE_BYTES", 60_000)
    spec = {"command": "true", "group": "local", "parameters": {"text": "x" * 20_000}}
    made = [(await local.submit(spec=spec)).id for _ in range(5)]
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = await local.services.executions.list(local.ada, ExecutionFilter(), cursor, 500)
        assert len(page.model_dump_json()) < 70_000
        seen += [item.id for item in page.items]
        cursor, pages = page.next, pages + 1
    assert (seen, pages) == (made[::-1], 3)


async def test_a_spec_that_would_make_lists_long_is_refused(local) -> None:
    spec = {"command": "true", "group": "local", "parameters": {"text": "x" * 300_000}}
    with pytest.raises(InvalidSpec, match="at most 262,144"):
        await local.submit(spec=spec)
    assert (await local.services.executions.list(local.ada, ExecutionFilter())).items == []


@pytest.mark.parametrize("limit", [3, 500])
async def test_outputs_come_in_pages_by_name(local, limit: int) -> None:
    made = await local.submit()
    await local.start(made.id)
    names = [f"file {n:04}" for n in range(10)]
    files = [OutputFile(name=name, size=1, sha256="0" * 64) for name in reversed(names)]
    await local.finish(made.id, outputs=files)
    outputs, cursor, seen = local.services.outputs, None, []
    while cursor is not None or not seen:
        page = await outputs.list(local.ada, made.id, cursor, limit)
        assert len(page.items) <= limit
        seen += [item.name for item in page.items]
        cursor = page.next
    assert seen == names


def test_an_execution_of_an_older_service_counts_as_whole() -> None:
    assert Execution.model_fields["metadata_truncated"].default is False
