"""nbclient, as this agent drives it."""

from __future__ import annotations

import contextlib
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionComplete
from nbformat import NotebookNode
from nbformat.notebooknode import from_dict

from perijove_agent.kernel.messages import Complaints

#: Characters of printed text a notebook may hold; the log holds all of it.
KEPT_TEXT = 64 * 1024 * 1024
_REST = "\n[perijove] More was printed than a notebook can hold; the execution's log has all of it.\n"
#: Seconds a cell's last messages may take after its reply. A chatty cell's messages may lag far behind; nbclient's
#: four seconds fail such cells (https://github.com/nteract/papermill/issues/426), and a dead kernel is noticed anyway.
_IOPUB_TIMEOUT = 10**6


class Executor(NotebookClient):
    """Runs single cells on a kernel that is already there, and keeps their outputs in the notebook.

    Printed text is kept in pieces while its cell runs: joining as it comes would cost the square of its length.

    Attributes
    ----------
    last : dict
        The content of the kernel's reply to the cell that was executed last.
    complaints : Complaints
        Takes what is to be said of messages that are not kept.
    """

    def __init__(self, notebook: NotebookNode, **options: Any) -> None:
        super().__init__(
            notebook,
            timeout=None,
            iopub_timeout=_IOPUB_TIMEOUT,
            coalesce_streams=False,
            on_cell_executed=self._keep,
            **options,
        )
        self.last: dict[str, Any] = {}
        self.complaints = Complaints()
        self._kept = 0
        self._cells: dict[str, tuple[NotebookNode, int]] = {}
        self._current: tuple[NotebookNode, int] | None = None

    def begin(self, cell: NotebookNode, index: int) -> None:
        """Messages of requests not seen before belong to this cell from now on."""
        self._current = (cell, index)

    def cell_of(self, message: dict[str, Any]) -> tuple[NotebookNode, int] | None:
        """Return the cell whose request caused `message`, and keep what arrives after its cell was done."""
        parent = message["parent_header"].get("msg_id")
        if parent is None or self._current is None:
            return self._current
        cell, index = self._cells.setdefault(parent, self._current)
        if index != self._current[1]:
            # nbclient looks at the current cell's messages only; a thread of an earlier cell may still print.
            with contextlib.suppress(CellExecutionComplete):
                self.process_message(message, cell, index)
        return cell, index

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Keep what a message shows; one that can't be kept, such as a confused widget's, is left out."""
        try:
            return super().process_message(msg, cell, cell_index)
        except CellControlSignal:
            raise
        except Exception as error:  # noqa: BLE001 - it is said in the execution's log
            self.complaints.add(
                f"A '{msg['msg_type'][:60]}' message is not in the executed notebook: {type(error).__name__}."
            )
            return None

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Append an output; text is joined to the text before it."""
        if msg["msg_type"] != "stream":
            simple = None if display_id or self._is_diverted(msg) else _simple_display(msg)
            if simple is None:
                return super().output(outs, msg, display_id, cell_index)
            outs.append(simple)
            return simple
        content = msg["content"]
        text = self._within_limit(content["text"])
        last = outs[-1] if outs and not self.clear_before_next_output else None
        if last is not None and last["output_type"] == "stream" and last["name"] == content["name"]:
            if isinstance(last["text"], str):
                last["text"] = [last["text"]]
            last["text"].append(text)
            return last
        msg = {**msg, "content": {**content, "text": text}}
        out = super().output(outs, msg, display_id, cell_index)
        if out is not None and out in outs[-1:]:
            out["text"] = [text]
        return out

    def _keep(self, cell: NotebookNode, execute_reply: dict[str, Any], **_: Any) -> None:
        _join(cell)
        self.last = execute_reply["content"]

    def keep_widgets(self) -> None:
        """Write the state of widgets into the notebook, without those whose state is none."""
        self.widget_state = {name: state for name, state in self.widget_state.items() if isinstance(state, dict)}
        self.set_widgets_metadata()

    def join_text(self) -> None:
        """Make whole strings of what was kept in pieces."""
        for cell in self.nb.cells:
            _join(cell)

    def _is_diverted(self, msg: dict[str, Any]) -> bool:
        """Return whether an output is to go elsewhere (into a widget), or in the place of what is there."""
        return self.clear_before_next_output or bool(self.output_hook_stack[msg["parent_header"].get("msg_id")])

    def _within_limit(self, text: str) -> str:
        if self._kept > KEPT_TEXT:
            return ""
        self._kept += len(text)
        return text if self._kept <= KEPT_TEXT else text[: KEPT_TEXT - self._kept] + _REST


def _simple_display(msg: dict[str, Any]) -> NotebookNode | None:
    """Return the output of a display that cannot but be valid, else None.

    nbformat checks each output against its schema, which takes half of an agent's time for a short one. Text of any
    media type is valid.
    """
    content = msg["content"]
    data, metadata = content.get("data"), content.get("metadata")
    if msg["msg_type"] != "display_data" or not isinstance(data, dict) or not isinstance(metadata, dict):
        return None
    if not all(isinstance(text, str) for text in data.values()):
        return None
    output = {"output_type": "display_data", "metadata": metadata, "data": data}
    node: NotebookNode = from_dict(output)  # type: ignore[no-untyped-call]  # untyped
    return node


def _join(cell: NotebookNode) -> None:
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream" and isinstance(output["text"], list):
            output["text"] = "".join(output["text"])
