"""A notebook's kernel as its front end sees it: what a cell showed, and what it raised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

#: Seconds a message may take.
LIMIT = 120
Act = Callable[[dict[str, Any]], None]


@dataclass
class Seen:
    """What a cell showed, as a front end is told."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return what went to a stream."""
        return "".join(each["content"]["text"] for each in self._of("stream") if each["content"]["name"] == name)

    @property
    def displayed(self) -> list[dict[str, Any]]:
        """The data of every display and update."""
        return [each["content"]["data"] for each in self._of("display_data", "update_display_data")]

    @property
    def status(self) -> str:
        """The last sentence about the execution."""
        return [data["text/plain"] for data in self.displayed if data["text/plain"].startswith("Execution ")][-1]

    @property
    def value(self) -> str:
        """The cell's value."""
        return str(self._of("execute_result")[-1]["content"]["data"]["text/plain"])

    @property
    def error(self) -> dict[str, Any]:
        """The exception that was raised."""
        content: dict[str, Any] = self._of("error")[-1]["content"]
        return content

    def _of(self, *kinds: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if each["msg_type"] in kinds]


class Kernel:
    """A local kernel with ``%%remote``."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client

    def run(self, source: str, act: Act = lambda _message: None) -> Seen:
        """Execute a cell; `act` sees each message as it comes, so that a test can act in the middle."""
        request, seen = self._client.execute(source), Seen()
        while True:
            message = self._client.get_iopub_msg(timeout=LIMIT)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return seen
            seen.messages.append(message)
            act(message)
