"""Executions over REST."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from perijove.client.api import Api, Driver, endpoint, fetch, gathered, pages, path, stream
from perijove.client.bodies import checked, creation
from perijove.client.download import Report, content, free_name, holds, save
from perijove.client.events import PATIENCE, ExecutionEvent, follow, unheard
from perijove.client.flow import Flow, Request, Stream, Work
from perijove.client.logs import read_log
from perijove.client.transfer import send
from perijove.errors import InvalidPath, InvalidRequest, PerijoveError, UnknownExecution, UnknownProject
from perijove.model.ids import safe_relative_path
from perijove.model.resources import (
    Comparison,
    CopyExecution,
    CreatedExecutions,
    CreateExecution,
    Execution,
    ExecutionDetail,
    Metadata,
    Output,
    Page,
    Stopping,
    Why,
)
from perijove.model.spec import ParameterValue, Spec
from perijove.model.status import Status
from perijove.patterns import is_id

_NUMBER = re.compile(r"^(?:(?P<project>[^/]+(?:/[^/]+)?)/)?#?(?P<number>[0-9]{1,9})$")
#: How many items of a list come at once.
_PAGE = 500
#: The most characters of a personal project's name.
_NAME_LIMIT = 64


class Executions(Api[Driver]):
    """The executions the caller can see. `execution` is an id; `find` turns what people write into one."""

    @endpoint
    def create(
        self,
        spec: Spec,
        *,
        project: str | None = None,
        notebook: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Flow[Execution]:
        """Create an execution; `project` is by default the caller's personal one.

        Parameters
        ----------
        notebook : mapping, optional
            The converted document of a notebook spec.
        key : str, optional
            The idempotency key: the same key again answers the same execution.
        """
        body = {**CreateExecution(project=project, spec=spec).model_dump(mode="json", exclude={"spec", "notebook"})}
        body |= {"spec": spec.as_json()} | ({"notebook": notebook} if notebook is not None else {})
        return fetch(Execution, creation("executions", body, key))

    @endpoint
    def create_many(
        self,
        specs: Sequence[Spec],
        *,
        project: str | None = None,
        notebook: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Flow[CreatedExecutions]:
        """Create up to 10,000 executions in one request, in their order: all of them, or none.

        Parameters
        ----------
        notebook : mapping, optional
            The converted document of every notebook spec that names no stored one by its ``sha256``; specs may differ
            in their parameters.
        """
        body: dict[str, Any] = {"project": project, "specs": [spec.as_json() for spec in specs]}
        body |= {"notebook": notebook} if notebook is not None else {}
        return fetch(CreatedExecutions, creation("executions/batch", body, key))

    @stream
    def list(
        self,
        *,
        project: str | None = None,
        owner: str | None = None,
        status: Status | str | None = None,
        group: str | None = None,
        tag: str | None = None,
        search: str | None = None,
        number: int | None = None,
        metadata: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Stream[Execution]:
        """Iterate over executions, the newest first.

        Parameters
        ----------
        metadata : sequence of str, optional
            Which metadata each carries; by default as much as a list has room for (``metadata_truncated``).
        """
        given: dict[str, Any] = {
            "project": project,
            "owner": owner,
            "group": group,
            "tag": tag,
            "search": search,
            "number": number,
        }
        given["metadata"] = None if metadata is None else ",".join(metadata)
        given["status"] = None if status is None else str(status)
        given = {name: value for name, value in given.items() if value is not None}
        return pages(Page[Execution], "executions", given, limit)

    @endpoint
    def find(self, reference: str, *, project: str | None = None) -> Flow[ExecutionDetail]:
        """Return the execution a person means by an id, a number, ``project/number`` or ``owner/project/number``.

        A bare number counts in `project`, or else in the caller's personal project.

        Raises
        ------
        perijove.errors.InvalidRequest
            `reference` is none of these.
        perijove.errors.UnknownExecution
            There is none.
        """
        if is_id(reference):
            return (yield from Executions.get.flow(self, reference))
        match = _NUMBER.match(reference)
        if match is None:
            raise InvalidRequest(f"'{reference}' names no execution.", "Give its number, project/number, or its id.")
        named = match["project"] or project
        place = named or (yield from _personal())
        params = {"project": place, "number": int(match["number"]), "limit": 1}
        try:
            answer = yield from send(Request("GET", "executions", params))
        except UnknownProject:
            if named:
                raise
            items = []  # a personal project is made with the first thing that it is to hold
        else:
            items = Page[Execution].model_validate_json(answer.content).items
        if not items:
            raise UnknownExecution(f"There is no execution {match['number']} in the project '{place}'.")
        return (yield from Executions.get.flow(self, items[0].id))

    @endpoint
    def get(self, execution: str) -> Flow[ExecutionDetail]:
        """Return an execution with its attempts and its environment."""
        return fetch(ExecutionDetail, Request("GET", path("executions", execution)))

    @endpoint
    def stop(self, execution: str) -> Flow[Execution]:
        """Ask for an execution to stop."""
        return fetch(Execution, Request("POST", path("executions", execution, "stop")))

    @endpoint
    def stop_many(self, executions: Sequence[str]) -> Flow[int]:
        """Ask for up to 10,000 executions to stop, in one request; return how many were not ending already."""
        request = Request("POST", "executions/stop", json={"executions": [*executions]})
        response = yield from send(request)
        return Stopping.model_validate_json(response.content).stopping

    @endpoint
    def copy(
        self,
        execution: str,
        *,
        parameters: Mapping[str, ParameterValue] | None = None,
        title: str | None = None,
        tags: Sequence[str] | None = None,
        group: str | None = None,
        key: str | None = None,
    ) -> Flow[Execution]:
        """Run an execution again as a new one, with what differs."""
        changes = {"title": title, "tags": None if tags is None else [*tags], "group": group}
        copy = checked(CopyExecution, parameters=dict(parameters or {}), **changes)
        body = copy.model_dump(mode="json", exclude_none=True)
        return fetch(Execution, creation(path("executions", execution, "copy"), body, key))

    @endpoint
    def delete(self, execution: str) -> Flow[None]:
        """Delete a final execution with its log and outputs."""
        yield from send(Request("DELETE", path("executions", execution)))

    @endpoint
    def why(self, execution: str) -> Flow[Why]:
        """Return what an execution waits for."""
        return fetch(Why, Request("GET", path("executions", execution, "why")))

    @stream
    def events(
        self,
        execution: str,
        *,
        after: tuple[int, int] | None = None,
        patience: float = PATIENCE,
        away: Callable[[PerijoveError], None] = unheard,
    ) -> Stream[ExecutionEvent]:
        """Iterate over an execution's records and changes until it is final.

        Lost connections are opened again where they ended; each record comes once and in order.

        Parameters
        ----------
        after : (int, int), optional
            An attempt and a record number: only what follows.
        patience : float
            Seconds to go on trying while the service is away.
        away : callable
            Is told of every failure that is waited out, for a person to know.
        """
        return follow(path("executions", execution, "events"), after, patience, away)

    @stream
    def log(self, execution: str, *, attempt: int | None = None) -> Stream[bytes]:
        """Iterate over the log's text so far, as UTF-8 in pieces; by default the last attempt's."""
        return read_log(path("executions", execution, "log"), {} if attempt is None else {"attempt": str(attempt)})

    @endpoint
    def notebook(self, execution: str, *, which: str = "executed") -> Flow[bytes]:
        """Return the ``executed`` notebook, or the one that was ``submitted``, as it is stored."""
        return content(path("executions", execution, "notebook"), {"which": which})

    @endpoint
    def outputs(self, execution: str) -> Flow[Sequence[Output]]:
        """Return the output files of an execution."""
        return (yield from gathered(Page[Output], path("executions", execution, "outputs"), {"limit": _PAGE}))

    @endpoint
    def download(
        self,
        output: Output,
        folder: Path | str = ".",
        *,
        number: int | None = None,
        force: bool = False,
        report: Report = lambda _count: None,
    ) -> Flow[Path]:
        """Write an output to ``folder/<its name>``, checked against its SHA-256, and return that path.

        Another file that is there already stays as it is: the output gets a free name, which is returned.

        Parameters
        ----------
        number : int, optional
            The execution's number, for that name: ``model.12.pkl``; ``model-2.pkl`` without.
        force : bool
            Overwrite a file that is there.
        report : callable
            Is told the number of bytes written so far.
        """
        target = _inside(Path(folder), output.name)
        address = path("executions", output.execution, "outputs", *output.name.split("/"))
        if force:
            return (yield from save(address, target, output.sha256, report))
        if (yield Work(partial(holds, target, output.size, output.sha256))):
            return target
        return (yield from save(address, target, output.sha256, report, where=partial(free_name, number=number)))

    @endpoint
    def metadata(self, execution: str) -> Flow[Metadata]:
        """Return an execution's metadata: the latest values and all points."""
        return fetch(Metadata, Request("GET", path("executions", execution, "metadata")))

    @endpoint
    def compare(self, executions: Sequence[str]) -> Flow[Comparison]:
        """Return several executions side by side."""
        return fetch(Comparison, Request("GET", "executions/compare", {"id": [*executions]}))


def _personal() -> Flow[str]:
    """Return what names the caller's personal project, and no other that has its name."""
    user = str((yield from send(Request("GET", "info"))).json()["user"])
    return f"{user}/{user[:_NAME_LIMIT]}"


def _inside(folder: Path, name: str) -> Path:
    """Return where an output goes; a name that would leave the folder is refused, whoever sent it."""
    try:
        return folder / safe_relative_path(name)
    except ValueError as error:
        raise InvalidPath(f"The output's name {name!r} {error}.") from None
