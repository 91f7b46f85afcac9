"""nbclient, as this agent drives it."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionComplete
from nbformat import NotebookNode
from nbformat.notebooknode import from_dict

from perijove_agent.kernel.connection import KernelConnection
from perijove_agent.kernel.messages import Complaints, short
from perijove_agent.work.room import KEPT, Room

log = logging.getLogger(__name__)

_OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
#: Bytes that a character of printed text counts for: it is kept in pieces while its cell runs.
_CHARACTER = 4
_REST = "\n[perijove] There is more than a notebook can hold; the execution's log has all of it.\n"
#: Seconds a cell's last messages may take after its reply. A chatty cell's messages may lag far behind; nbclient's
#: four seconds fail such cells (https://github.com/nteract/papermill/issues/426), and a dead kernel is noticed anyway.
_IOPUB_TIMEOUT = 10**6


class Executor(NotebookClient):
    """Runs single cells on a kernel that is already there, and keeps their outputs in the notebook.

    Printed text is kept in pieces while its cell runs: joining as it comes would cost the square of its length.

    Parameters
    ----------
    kept : int
        Bytes that all outputs together may hold; what comes then is left out.

    Attributes
    ----------
    last : dict
        The content of the kernel's reply to the cell that was executed last.
    complaints : Complaints
        Takes sentences about messages that are not kept.
    """

    kc: KernelConnection

    def __init__(self, notebook: NotebookNode, kept: int = KEPT, **options: Any) -> None:
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
        self._room = Room(kept)
        self._is_full = False
        self._cells: dict[str, tuple[NotebookNode, int]] = {}
        self._current: tuple[NotebookNode, int] | None = None

    def begin(self, cell: NotebookNode, index: int) -> None:
        """Take messages of the next request, and of requests that are not known, as this cell's."""
        self._current = (cell, index)

    def cell_of(self, message: dict[str, Any]) -> tuple[NotebookNode, int] | None:
        """Return the cell whose request caused `message`, and keep what arrives after its cell was done."""
        parent = message["parent_header"].get("msg_id")
        if parent is None or self._current is None:
            return self._current
        if parent == self.kc.shell_channel.asked:
            self._cells.setdefault(parent, self._current)
        cell, index = self._cells.get(parent, self._current)
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
        except Exception as error:  # nbclient's handlers of widgets raise anything
            kind = short(msg["msg_type"])
            if self.complaints.add(f"A '{kind}' message is not in the executed notebook: {type(error).__name__}."):
                log.info("a '%s' message is not kept", kind, exc_info=error)
            return None

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Append an output, if there is room for it; text is joined to the text before it."""
        if self._is_diverted(msg) or msg["msg_type"] not in _OUTPUTS:
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output:
            self._clear(outs, cell_index)
        if msg["msg_type"] == "stream":
            text = self._within_room(msg["content"]["text"])
            return self._append_text(outs, msg, msg["content"]["name"], text, cell_index)
        size = msg["size"]
        if size > self._room.left:
            return self._append_text(outs, msg, "stderr", self._rest(), cell_index)
        out = None if display_id else _simple_display(msg)
        if out is None:
            out = super().output(outs, msg, display_id, cell_index)
        else:
            outs.append(out)
        if out is not None:
            self._room.put(out, size)
        return out

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """Clear a cell's outputs, at once or before the next one."""
        if msg["content"]["wait"] or self._is_diverted(msg):
            super().clear_output(outs, msg, cell_index)
        else:
            self._clear(outs, cell_index)

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
        """Return whether an output goes elsewhere, into a widget."""
        return bool(self.output_hook_stack.get(msg["parent_header"].get("msg_id")))

    def _append_text(
        self, outs: list[NotebookNode], msg: dict[str, Any], name: str, text: str, cell_index: int
    ) -> NotebookNode | None:
        if not text:
            return None
        last = outs[-1] if outs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            header = {**msg["header"], "msg_type": "stream"}
            last = super().output(
                outs, {**msg, "header": header, "content": {"name": name, "text": ""}}, None, cell_index
            )
        if last is not None:
            pieces = [last["text"]] if isinstance(last["text"], str) else last["text"]
            pieces.append(text)
            last["text"] = pieces
            self._room.add(last, len(text) * _CHARACTER)
        return last

    def _within_room(self, text: str) -> str:
        """Return as much of `text` as there is room for."""
        left = self._room.left // _CHARACTER
        return text if len(text) <= left else text[: max(0, left)] + self._rest()

    def _rest(self) -> str:
        """Return a sentence in the place of what there is no room for; an empty one if it was written before."""
        was_full, self._is_full = self._is_full, True
        return "" if was_full else _REST

    def _clear(self, outs: list[NotebookNode], cell_index: int) -> None:
        self._room.clear(outs)
        self._is_full = self.clear_before_next_output = False
        outs.clear()
        self.clear_display_id_mapping(cell_index)

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        """Replace what a display shows in every place where it does, if there is room for it."""
        places = self._display_id_map.get(display_id, {})
        shown = [self.nb.cells[cell].outputs[place] for cell, outputs in places.items() for place in outputs]
        size = msg["size"]
        if sum(size - self._room.of(output) for output in shown) > self._room.left:
            self.complaints.add("A display was not updated in the executed notebook, which can't hold more.")
            return
        super()._update_display_id(display_id, msg)
        for output in shown:
            self._room.put(output, size)


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
    node: NotebookNode = from_dict(output)
    return node


def _join(cell: NotebookNode) -> None:
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream" and isinstance(output["text"], list):
            output["text"] = "".join(output["text"])
