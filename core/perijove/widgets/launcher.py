"""A form that starts a notebook on a worker group."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from perijove.client import AsyncClient, Client, RemoteExecution, run
from perijove.errors import PerijoveError
from perijove.model.fleet import Group
from perijove.notebooks import read_notebook
from perijove.parameters import inspect_parameters
from perijove.widgets.fields import STYLE, WIDTH, Field, field_for
from perijove.widgets.view import ExecutionView


class Launcher(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A form for a notebook: group, parameters as its cell declares them, title, tags, time limit; then its execution.

    Parameters
    ----------
    path : path, optional
        The notebook; by default one is chosen among those of the current folder.
    client : Client, optional
        By default one from the environment.
    connect : callable, optional
        Makes the client that follows an execution; see `ExecutionView`.

    Raises
    ------
    perijove.errors.PerijoveError
        The service cannot be asked for its groups, or `path` is no notebook.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        client: Client | None = None,
        connect: Callable[[], AsyncClient] | None = None,
    ) -> None:
        self._client = client or Client()
        self._connect = connect
        self._fields: list[Field] = []
        self._view: ExecutionView | None = None
        self._notebook = _notebook_field(path)
        self._group = _line(widgets.Dropdown, "Group", options=_group_options([*self._client.groups.list()]))
        self._title = _line(widgets.Text, "Title")
        self._tags = _line(widgets.Text, "Tags", placeholder="separated by commas")
        self._limit = _line(widgets.Text, "Time limit", placeholder="90s, 15m, 2h30m")
        self._button = widgets.Button(description="Run remotely", icon="play", button_style="primary")
        self._said, self._parameters, self._shown = widgets.HTML(), widgets.VBox(), widgets.VBox()
        super().__init__([
            self._notebook, self._group, self._parameters, self._title, self._tags, self._limit,
            self._button, self._said, self._shown])  # fmt: skip
        self._read(strict=path is not None)
        self._notebook.observe(lambda _change: self._read(), "value")
        self._button.on_click(lambda _button: self.submit())

    @property
    def execution(self) -> RemoteExecution | None:
        """The execution submitted last."""
        return self._view.execution if self._view else None

    def submit(self) -> None:
        """Submit what the form says, and show the execution below it; what is wrong is said there."""
        self._button.disabled = True
        self._say("Sending …")
        try:
            self._show(self._submitted())
        except (PerijoveError, OSError) as error:
            self._say(str(error), getattr(error, "hint", ""))
        else:
            self._say("")
        finally:
            self._button.disabled = False

    def close(self) -> None:
        """Remove the form and the view below it; an execution goes on."""
        if self._view is not None:
            self._view.close()
        super().close()

    def _submitted(self) -> RemoteExecution:
        return run(
            self._notebook.value,
            parameters={field.parameter.name: field.value for field in self._fields if field.changed},
            group=self._group.value,
            title=self._title.value.strip(),
            tags=[tag.strip() for tag in self._tags.value.split(",") if tag.strip()],
            time_limit=self._limit.value.strip() or None,
            client=self._client,
        )

    def _show(self, execution: RemoteExecution) -> None:
        before, self._view = self._view, ExecutionView(execution, self._connect)
        self._shown.children = [self._view]
        if before is not None:
            before.close()

    def _read(self, *, strict: bool = False) -> None:
        """Make the parameter fields of the chosen notebook."""
        self._fields = []
        try:
            if self._notebook.value:
                document = read_notebook(self._notebook.value).document
                self._fields = [field_for(parameter) for parameter in inspect_parameters(document)]
            self._say("")
        except PerijoveError as error:
            if strict:
                raise
            self._say(error.message, error.hint)
        self._parameters.children = [field.widget for field in self._fields]

    def _say(self, sentence: str, hint: str = "") -> None:
        more = f' <span style="color: var(--jp-ui-font-color2, gray)">{html.escape(hint)}</span>' if hint else ""
        self._said.value = f'<span role="status">{html.escape(sentence)}</span>{more}' if sentence else ""


def _line(kind: Any, description: str, **options: Any) -> Any:
    return kind(description=description, style=STYLE, layout=WIDTH, **options)


def _notebook_field(path: str | os.PathLike[str] | None) -> Any:
    if path is not None:
        return _line(widgets.Text, "Notebook", value=os.fspath(path), disabled=True)
    found = sorted(str(each) for each in Path().glob("*.ipynb"))
    return _line(widgets.Dropdown, "Notebook", options=found)


def _group_options(groups: list[Group]) -> list[tuple[str, str]]:
    """Return what the group field offers: each with what it is, and how busy."""
    facts = {each.name: (each.name, each.description, each.isolation, _busy(each)) for each in groups}
    return [(" · ".join(filter(None, said)), name) for name, said in facts.items()]


def _busy(group: Group) -> str:
    return f"{group.waiting} waiting" if group.waiting else f"{group.idle} idle" if group.idle else ""
