"""A live view of one execution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from perijove.client import AsyncClient, Client, RemoteExecution
from perijove.errors import PerijoveError
from perijove.model.resources import Execution
from perijove.model.status import STOPPABLE, TERMINAL, Status
from perijove.widgets.follower import Follower
from perijove.widgets.html import headline, log_tail, metrics_table
from perijove.widgets.picture import Picture

_BAR = {Status.COMPLETE: "success", Status.ERROR: "danger", Status.CRASHED: "danger", Status.STOPPED: "warning"}


class ExecutionView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Shows an execution live: its state, its progress, the end of its log, its metrics, and a button that stops it.

    Parameters
    ----------
    execution : RemoteExecution
        The execution, such as `perijove.run` returns.
    connect : callable, optional
        Makes the client that follows it; by default one of the same service and token.

    Examples
    --------
    >>> view = ExecutionView(perijove.run("train.ipynb"))  # doctest: +SKIP
    >>> view  # doctest: +SKIP
    """

    def __init__(self, execution: RemoteExecution, connect: Callable[[], AsyncClient] | None = None) -> None:
        self._remote = execution
        self._headline = widgets.HTML(layout=widgets.Layout(flex="1 1 auto"))
        self._stop = widgets.Button(description="Stop", icon="stop", tooltip="Stop this execution")
        self._stop.layout = widgets.Layout(flex="0 0 auto", width="auto")
        self._bar = widgets.IntProgress(layout=widgets.Layout(width="auto", height="16px", flex="1 1 auto"))
        self._count = widgets.Label()
        self._metrics, self._log = widgets.HTML(), widgets.HTML()
        self._stop.on_click(lambda _button: self.stop())
        middle = widgets.Layout(align_items="center")
        head = widgets.HBox([self._headline, self._stop], layout=middle)
        super().__init__([head, widgets.HBox([self._bar, self._count], layout=middle), self._metrics, self._log])
        picture = Picture(execution.resource)
        self._draw(picture)
        self._follower = Follower(connect or partial(_connect, execution.client), picture, self._draw)

    @property
    def execution(self) -> RemoteExecution:
        """The execution that is shown."""
        return self._remote

    def stop(self) -> None:
        """Ask for the execution to stop; the view shows when it has."""
        self._stop.disabled = True
        try:
            self._remote.stop()
        except PerijoveError as error:
            self._headline.value = headline(self._remote.resource, f"{error.message} {error.hint}".strip())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the execution has ended; return whether it has, within `timeout` seconds."""
        return self._follower.wait(timeout)

    def close(self) -> None:
        """Stop following and remove the view; the execution goes on."""
        self._follower.close()
        super().close()

    def _draw(self, picture: Picture) -> None:
        seen = picture.execution
        self._headline.value = headline(seen, picture.note)
        self._draw_progress(picture)
        self._metrics.value = metrics_table(picture.latest, picture.points)
        self._log.value = log_tail(picture.log)
        if seen.status not in STOPPABLE:
            self._stop.disabled = True
        self._stop.layout.display = "none" if seen.status in TERMINAL else None

    def _draw_progress(self, picture: Picture) -> None:
        self._bar.bar_style = _BAR.get(picture.execution.status, "info")
        self._bar.max = max(picture.total, 1)
        self._bar.value = picture.done
        self._count.value = f"{picture.done} of {picture.total}" if picture.total else _waiting(picture.execution)


def _waiting(execution: Execution) -> str:
    return "" if execution.status in TERMINAL else "…"


def _connect(client: Client) -> AsyncClient:
    settings: Any = client.settings
    return AsyncClient(settings.url, settings.token, timeout=settings.timeout)
