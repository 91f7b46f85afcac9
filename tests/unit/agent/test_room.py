"""What a notebook can hold of what its cells show: the rest is in the log, and a sentence says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from perijove_agent.kernel.connection import KernelConnection, new_context
from perijove_agent.work.executor import Executor

ROOM = 100_000
SENTENCE = "more than a notebook can hold"


@pytest.fixture
def cell() -> Any:
    return new_code_cell("display(1)")


@pytest.fixture
def executor(cell: NotebookNode) -> Executor:
    executor = Executor(new_notebook(cells=[cell]), kept=ROOM)
    executor.clear_before_next_output = False  # as when a cell begins
    return executor


def message(kind: str, content: dict[str, Any], size: int = 0) -> dict[str, Any]:
    return {
        "msg_type": kind, "header": {"msg_type": kind}, "parent_header": {"msg_id": "1"}, "content": content,
        "size": size,
    }  # fmt: skip


def display(text: str, kind: str = "display_data", display_id: str | None = None) -> dict[str, Any]:
    transient = {"display_id": display_id} if display_id else {}
    return message(kind, {"data": {"text/html": text}, "metadata": {}, "transient": transient}, len(text))


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    return message("stream", {"name": name, "text": text})


def held(executor: Executor) -> int:
    """Return how many characters the notebook holds, which has to be valid."""
    executor.join_text()
    nbformat.validate(executor.nb)
    return len(nbformat.writes(executor.nb))


def said(cell: NotebookNode) -> int:
    return sum(str(output.get("text", "")).count(SENTENCE) for output in cell.outputs)


def test_displays_without_end_are_kept_as_far_as_there_is_room_with_a_sentence(
    executor: Executor, cell: NotebookNode
) -> None:
    for _ in range(1_000):
        executor.process_message(display("x" * 1_000), cell, 0)
    assert ROOM / 2 < held(executor) < 2 * ROOM
    assert said(cell) == 1


def test_text_without_end_is_kept_as_far_as_there_is_room_with_a_sentence(
    executor: Executor, cell: NotebookNode
) -> None:
    for number in range(1_000):
        executor.process_message(printed("x" * 1_000, ["stdout", "stderr"][number % 2]), cell, 0)
    assert ROOM / 5 < held(executor) < 2 * ROOM
    assert len(cell.outputs) < 50
    assert said(cell) == 1


def test_an_update_that_there_is_no_room_for_leaves_what_was_shown(executor: Executor, cell: NotebookNode) -> None:
    for _ in range(10):
        executor.process_message(display("first", display_id="d"), cell, 0)
    executor.process_message(display("y" * (ROOM // 5), "update_display_data", "d"), cell, 0)
    assert {output.data["text/html"] for output in cell.outputs} == {"first"}
    assert "was not updated" in "".join(executor.complaints.take())
    executor.process_message(display("second", "update_display_data", "d"), cell, 0)
    assert {output.data["text/html"] for output in cell.outputs} == {"second"}


@pytest.mark.parametrize("wait", [True, False])
def test_what_is_cleared_takes_no_room(executor: Executor, cell: NotebookNode, wait: bool) -> None:
    for number in range(100):
        executor.process_message(message("clear_output", {"wait": wait}), cell, 0)
        executor.process_message(display(f"{number}" + "x" * (ROOM // 3)), cell, 0)
        executor.process_message(printed(f"{number}" + "x" * (ROOM // 10)), cell, 0)
    assert [output.output_type for output in cell.outputs] == ["display_data", "stream"]
    assert said(cell) == 0


def test_what_is_replaced_takes_no_room(executor: Executor, cell: NotebookNode) -> None:
    executor.process_message(display("first", display_id="d"), cell, 0)
    for number in range(100):
        executor.process_message(display(f"{number}" + "x" * (ROOM // 2), "update_display_data", "d"), cell, 0)
    assert cell.outputs[0].data["text/html"].startswith("99")
    assert executor.complaints.take() == []


def test_an_update_takes_the_room_of_what_it_shows(executor: Executor, cell: NotebookNode) -> None:
    executor.process_message(display("first", display_id="d"), cell, 0)
    executor.process_message(display("y" * (ROOM * 4 // 5), "update_display_data", "d"), cell, 0)
    executor.process_message(display("x" * (ROOM // 2)), cell, 0)
    assert held(executor) < ROOM
    assert said(cell) == 1


def test_what_is_to_be_cleared_before_the_next_output_takes_room_until_then(
    executor: Executor, cell: NotebookNode
) -> None:
    for _ in range(10):
        executor.process_message(display("x" * (ROOM // 3)), cell, 0)
        executor.process_message(message("clear_output", {"wait": True}), cell, 0)
        executor.process_message(message("of_no_known_type", {}), cell, 0)
        assert cell.outputs != []
        executor.clear_before_next_output = False  # as when the next cell begins
    assert held(executor) < 2 * ROOM


def test_a_full_notebook_that_is_cleared_takes_more(executor: Executor, cell: NotebookNode) -> None:
    executor.process_message(printed("x" * ROOM), cell, 0)
    assert said(cell) == 1
    executor.process_message(message("clear_output", {"wait": False}), cell, 0)
    executor.process_message(printed("after"), cell, 0)
    executor.process_message(display("x" * ROOM), cell, 0)
    executor.join_text()
    assert cell.outputs[0].text == "after"
    assert said(cell) == 1


async def test_a_message_of_no_known_request_is_the_current_cells(
    executor: Executor, cell: NotebookNode, tmp_path: Path
) -> None:
    context = new_context()
    executor.kc = KernelConnection(context=context, transport="ipc", ip=str(tmp_path / "k"), shell_port=1)
    executor.kc.shell_channel.asked = "1"
    executor.begin(cell, 0)
    places = [executor.cell_of(printed("a")), executor.cell_of({**printed("b"), "parent_header": {"msg_id": "x"}})]
    executor.kc.shell_channel.asked = "2"
    later = new_code_cell("2")
    executor.begin(later, 1)
    places += [executor.cell_of(printed("a")), executor.cell_of({**printed("b"), "parent_header": {"msg_id": "x"}})]
    assert places == [(cell, 0), (cell, 0), (cell, 0), (later, 1)]
    executor.kc.stop_channels()
    context.destroy(linger=0)


def test_text_for_a_widget_does_not_join_the_text_of_its_cell(executor: Executor, cell: NotebookNode) -> None:
    class Widget:
        shown = ""

        def output(self, _outs: Any, msg: dict[str, Any], *_: Any) -> None:
            self.shown += msg["content"]["text"]

    widget = Widget()
    executor.process_message(printed("before"), cell, 0)
    executor.register_output_hook("1", widget)
    executor.process_message(printed("within"), cell, 0)
    executor.remove_output_hook("1", widget)
    executor.join_text()
    assert ([output.text for output in cell.outputs], widget.shown) == (["before"], "within")
