"""A remote execution as an object, and `run`, which makes one from a notebook."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import Self

from perijove.client.bodies import checked
from perijove.client.card import bundle
from perijove.client.client import Client
from perijove.client.events import Changed, ExecutionEvent
from perijove.client.submit import Report, Submission, silent
from perijove.errors import ExecutionFailed, InvalidRequest, UnknownDatum
from perijove.model.resources import Execution, Output
from perijove.model.spec import ParameterValue, Resources
from perijove.model.status import TERMINAL, Status

#: Seconds between two looks of a wait that has a limit: at first, and at most.
_FIRST_LOOK, _LONGEST_LOOK = 0.1, 2.0


class RemoteExecution:
    """One execution, as it was last seen.

    Parameters
    ----------
    client : Client
        Who asks for it.
    execution : Execution
        What the service said.
    """

    def __init__(self, client: Client, execution: Execution) -> None:
        self._client = client
        self._execution = execution

    def __repr__(self) -> str:
        seen = self._execution
        return f"<RemoteExecution {seen.project_name}/{seen.number} {seen.status}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return bundle(self._execution)

    @property
    def client(self) -> Client:
        """Who asks for it."""
        return self._client

    @property
    def resource(self) -> Execution:
        """All the service said when it was last asked."""
        return self._execution

    @property
    def id(self) -> str:
        """Its identifier."""
        return self._execution.id

    @property
    def number(self) -> int:
        """Its number within its project."""
        return self._execution.number

    @property
    def url(self) -> str:
        """The address of its page."""
        return self._execution.url

    @property
    def status(self) -> Status:
        """Where it stood when it was last asked about; `refresh` asks again."""
        return self._execution.status

    @property
    def done(self) -> bool:
        """Whether it was final when it was last asked about."""
        return self.status in TERMINAL

    @property
    def metadata(self) -> dict[str, Any]:
        """The latest value of every metadata key."""
        return self._client.executions.metadata(self.id).latest

    @property
    def outputs(self) -> Sequence[Output]:
        """Its output files."""
        return self._client.executions.outputs(self.id)

    def refresh(self) -> Self:
        """Ask the service where it stands."""
        self._execution = self._client.executions.get(self.id)
        return self

    def events(self) -> Iterator[ExecutionEvent]:
        """Iterate over all its records and changes, from its first to its end, as they happen."""
        for event in self._client.executions.events(self.id):
            if isinstance(event, Changed):
                self._execution = event.execution
            yield event

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until it is final, whether it completed or failed; `raise_for_status` tells the two apart.

        Raises
        ------
        TimeoutError
            It is not final after `timeout` seconds; it goes on.
        """
        if timeout is None:
            for _ in self.events():
                pass
            return self.refresh()
        deadline, pause = time.monotonic() + timeout, _FIRST_LOOK
        while not self.refresh().done:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Execution {self.number} is {self.status} after {timeout:g} s; it goes on.")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_LOOK)
        return self

    def raise_for_status(self) -> Self:
        """Raise `perijove.errors.ExecutionFailed` if it is final and did not complete."""
        if self.done and self.status is not Status.COMPLETE:
            seen = self._execution
            raise ExecutionFailed(" ".join(filter(None, (seen.sentence, seen.detail))), seen.hint)
        return self

    def stop(self) -> Self:
        """Ask for it to stop."""
        self._execution = self._client.executions.stop(self.id)
        return self

    def log(self, attempt: int | None = None) -> str:
        """Return the text of its log so far, of its last attempt by default."""
        return b"".join(self._client.executions.log(self.id, attempt=attempt)).decode(errors="replace")

    def notebook(self, which: str = "executed") -> Any:
        """Return the ``executed`` notebook, or the one ``submitted``, as an `nbformat.NotebookNode`."""
        import nbformat  # noqa: PLC0415 - takes long to import, and only this needs it

        text = self._client.executions.notebook(self.id, which=which).decode()
        return nbformat.reads(text, as_version=nbformat.NO_CONVERT)

    def download(self, *names: str, folder: str | os.PathLike[str] = ".", force: bool = False) -> list[Path]:
        """Write output files into `folder`, all of them by default; return their paths.

        A file that is there already stays as it is, unless `force`: the output gets a name with `number` in it.

        Raises
        ------
        perijove.errors.UnknownDatum
            It has no output of that name.
        """
        outputs = {output.name: output for output in self.outputs}
        if missing := [name for name in names if name not in outputs]:
            raise UnknownDatum(f"Execution {self.number} has no output '{missing[0]}'.")
        chosen = [outputs[name] for name in names] or list(outputs.values())
        download = self._client.executions.download
        return [download(output, Path(folder), number=self.number, force=force) for output in chosen]


def run(
    notebook: str | os.PathLike[str] | None = None,
    *,
    command: str | Sequence[str] = (),
    parameters: Mapping[str, ParameterValue] | None = None,
    group: str | None = None,
    cells: str | None = None,
    context: str = "needed",
    inputs: Mapping[str, str | Sequence[str]] | None = None,
    image: str | None = None,
    title: str = "",
    tags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    resources: Resources | Mapping[str, Any] | None = None,
    time_limit: int | str | None = None,
    no_output_timeout: int | str | None = None,
    project: str | None = None,
    root: str | os.PathLike[str] | None = None,
    kernel: str | None = None,
    report: Report = silent,
    client: Client | None = None,
) -> RemoteExecution:
    """Run a notebook, or shell lines, on a worker group.

    Parameters
    ----------
    notebook : path, optional
        The notebook; either it or `command`.
    command : str or sequence of str
        Shell lines, run in order in the project folder.
    parameters : mapping, optional
        Values for the notebook's cell tagged ``parameters``.
    group : str, optional
        The worker group; by default the only one, else ``local``.
    cells, context : str
        Which cells (``"2-5,9"``, or ids), and what goes along with them: ``only``, ``needed`` or ``above``.
    inputs : mapping, optional
        Input name to a URI or several.
    time_limit, no_output_timeout : int or str, optional
        Seconds, or a time such as ``"2h30m"``.
    root : path, optional
        The folder that goes along; by default the project folder the notebook lies in.
    report : callable, optional
        Is told what happens while it is submitted.
    client : Client, optional
        By default one from the environment.

    Returns
    -------
    RemoteExecution
        It has been created, and goes on without this process.

    Raises
    ------
    perijove.errors.PerijoveError
        The input is bad, or the service cannot be reached; nothing was created.

    Examples
    --------
    >>> execution = run("train.ipynb", parameters={"epochs": 5}, group="local")  # doctest: +SKIP
    >>> execution.wait().raise_for_status().metadata  # doctest: +SKIP
    {'accuracy': 0.97}
    """
    if notebook is not None and command:
        raise InvalidRequest("Give either a notebook or a command.")
    client = client or Client()
    submission = Submission(
        path=None if notebook is None else Path(notebook),
        command=[command] if isinstance(command, str) and command else [*command],
        root=None if root is None else Path(root),
        cells=cells,
        context=context,
        parameters=parameters or {},
        kernel=kernel,
        group=group,
        image=image,
        inputs=inputs or {},
        title=title,
        tags=tags,
        environment=environment or {},
        resources=resources if isinstance(resources, Resources) else checked(Resources, **(resources or {})),
        time_limit=time_limit,
        no_output_timeout=no_output_timeout,
        project=project,
    )
    return RemoteExecution(client, client.submit(submission, report))
