"""Remote outputs, shown where the cell was run: as the local kernel would have shown them."""

from __future__ import annotations

import html
import sys
import uuid
from collections.abc import Collection
from typing import Any

from perijove.magics.cells import DIGEST, digest_in
from perijove.magics.late import LateOutputs
from perijove.model.records import OutputRecord

#: A widget lives in the kernel that made it; here only the texts beside it mean something.
_WIDGET = "application/vnd.jupyter.widget-view+json"


class Streams:
    """Standard output and error of this process, and whether what was written last ended its line."""

    def __init__(self) -> None:
        self._midline = False

    def write(self, name: str, text: str) -> None:
        """Write text as it came."""
        stream = sys.stderr if name == "stderr" else sys.stdout
        stream.write(text)
        stream.flush()
        self._midline = not text.endswith("\n")

    def line(self, text: str) -> None:
        """Write a line of our own, which does not go on what is written."""
        self.write("stderr", f"\n{text}\n" if self._midline else f"{text}\n")


class Screen:
    """Shows the output records of some cells in the cell that is running here.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The session.
    shown : collection of str
        The ids of the remote cells whose outputs are shown.
    streams : Streams
        Where text goes.
    """

    def __init__(self, shell: Any, shown: Collection[str], streams: Streams) -> None:
        self._publisher = shell.display_pub
        self._streams = streams
        self._shown = shown
        #: Outputs that are shown once the executed notebook is there.
        self.late = LateOutputs(shell.display_pub)
        #: The last exception's record, whichever cell raised it.
        self.error: OutputRecord | None = None
        #: The SHA-256 of the variables that were left, from the process that wrote them; empty where none came.
        self.digest = ""

    def show(self, record: OutputRecord) -> None:
        """Show one record; an exception is kept, to be raised at the end."""
        if record.message == "error":
            self.error = record
        elif record.cell in self._shown:
            self._show(record.cell, record.message, record.content)

    def restart(self) -> None:
        """Take everything back: the attempt that wrote it was lost."""
        self.error = None
        self.digest = ""
        self.late = LateOutputs(self._publisher)
        self._publisher.clear_output(wait=True)

    def _show(self, cell: str, message: str, content: dict[str, Any] | None) -> None:
        if message == "clear_output":
            self.late.clear(cell)
            self._publisher.clear_output(wait=bool((content or {}).get("wait")))
        elif content is None:
            self.late.note(cell)
        elif message == "stream":
            self._streams.write(content["name"], content["text"])
        else:
            self._publish(content, update=message == "update_display_data")

    def _publish(self, content: dict[str, Any], *, update: bool) -> None:
        if DIGEST in content["data"]:
            self.digest = digest_in(content["data"])
            return
        data = {kind: value for kind, value in content["data"].items() if kind != _WIDGET}
        transient = dict(content.get("transient") or {})
        self._publisher.publish(data, dict(content.get("metadata") or {}), transient=transient, update=update)


class StatusLine:
    """One line that says where the execution stands; where displays can't be updated, a line for each change.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The session.
    """

    def __init__(self, shell: Any) -> None:
        self.streams = Streams()
        self._publisher = shell.display_pub
        self._updates = hasattr(shell, "kernel")  # a kernel speaks to a front end; a terminal only scrolls
        self._id = uuid.uuid4().hex
        self._last = ""

    def say(self, text: str, link: str = "") -> None:
        """Show a sentence in place of the last one; `link` is where its first words lead."""
        if text == self._last:
            return
        first, self._last = not self._last, text
        if not self._updates:
            self.streams.line(text)
            return
        data = {"text/plain": text, "text/html": _html(text, link)}
        self._publisher.publish(data, {}, transient={"display_id": self._id}, update=not first)


def _html(text: str, link: str) -> str:
    head, colon, rest = text.partition(":") if link else ("", "", text)
    anchor = f'<a href="{html.escape(link)}" target="_blank" rel="noopener">{html.escape(head)}</a>' if head else ""
    return f'<span style="color: var(--jp-ui-font-color2, gray)">{anchor}{colon}{html.escape(rest)}</span>'
