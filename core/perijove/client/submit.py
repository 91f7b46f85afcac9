"""Submitting work: convert the notebook, snapshot its project folder, store what is missing, create the execution.

One flow, used by `perijove.run`, the command line and the Jupyter Server extension alike. What costs least comes first,
so that bad input is refused before anything is packed or sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perijove.client.bodies import checked
from perijove.client.code import CodeVersions
from perijove.client.executions import Executions
from perijove.client.flow import Flow, Request, Work
from perijove.client.groups import Groups
from perijove.client.recall import Recall
from perijove.client.roots import find_root
from perijove.client.transfer import send
from perijove.client.typed import value_of
from perijove.code import Packed, Plan, pack, scan
from perijove.errors import ImageNotSupported, InvalidRequest, PerijoveError, UnknownCode, UnknownGroup
from perijove.model.fleet import Group
from perijove.model.resources import Execution, Info, Page
from perijove.model.spec import ParameterValue, Resources, Spec

if TYPE_CHECKING:
    from perijove.notebooks import Prepared

_DEFAULT_GROUP = "local"


@dataclass(frozen=True)
class Submission:
    """A piece of work as a person gives it; exactly one of `path` and `command`.

    Attributes
    ----------
    path : Path, optional
        The notebook.
    content : mapping, optional
        The notebook as it stands in an editor, where that is not what the file holds.
    command : sequence of str
        Shell lines.
    root : Path, optional
        The folder that goes along; by default the nearest parent with ``.git``, ``valohai.yaml`` or
        ``.perijoveignore``, else the notebook's own folder.
    extra : mapping
        Name to file: what goes along at the top of that folder without lying in it.
    origin : str, optional
        Where JupyterLab shows the notebook; see `perijove.model.spec.Notebook`.
    cells : str or sequence of str, optional
        Which cells: positions and ranges (``2-5,9``) or cell ids; by default all.
    context : str
        What goes along with chosen cells: ``only``, ``needed`` or ``above``.
    parameters, typed : mapping
        Values by name; those of `typed` are text that the notebook's declared types say how to read.
    group : str, optional
        The worker group; by default the only one the caller can use, else ``local``.
    inputs : mapping
        Input name to a URI or several.
    """

    path: Path | None = None
    content: Mapping[str, Any] | None = None
    command: Sequence[str] = ()
    root: Path | None = None
    extra: Mapping[str, Path] = field(default_factory=dict)
    origin: str | None = None
    cells: str | Sequence[str] | None = None
    context: str = "needed"
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    kernel: str | None = None
    group: str | None = None
    image: str | None = None
    inputs: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    title: str = ""
    tags: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    time_limit: int | str | None = None
    no_output_timeout: int | str | None = None
    priority: int = 0
    retries: int = 2
    project: str | None = None


@dataclass(frozen=True)
class Noted:
    """Something the person should know, such as what conversion changed."""

    sentence: str


@dataclass(frozen=True)
class Chosen:
    """The ids of the code cells that will run, in order.

    Attributes
    ----------
    picked : sequence of str
        Those the person chose; empty if they took the whole notebook.
    needed : sequence of str
        The names for which the others go along.
    """

    cells: list[str]
    picked: Sequence[str] = ()
    needed: Sequence[str] = ()


@dataclass(frozen=True)
class Scanned:
    """What the snapshot will hold; nothing is sent yet."""

    plan: Plan


@dataclass(frozen=True)
class Known:
    """The service already has this code version; nothing needs to be sent."""

    code: str


@dataclass(frozen=True)
class Uploading:
    """`sent` of `size` bytes of the snapshot have gone."""

    sent: int
    size: int


Advance = Noted | Chosen | Scanned | Known | Uploading
#: Is told what happens. `Uploading` may come from another thread.
Report = Callable[[Advance], None]


def silent(_advance: Advance) -> None:
    """Report nothing."""


def submit(work: Submission, report: Report = silent, recall: Recall | None = None) -> Flow[Execution]:
    """Submit a piece of work and return its execution.

    Parameters
    ----------
    recall : Recall, optional
        What is known from earlier submissions to the same service.

    Raises
    ------
    perijove.errors.InvalidSpec, perijove.errors.SnapshotTooLarge, perijove.errors.UnknownGroup, …
        The input is bad; nothing was created.
    """
    recall = recall if recall is not None else Recall()
    try:
        return (yield from _submit(work, report, recall))
    except PerijoveError:
        recall.forget()  # what it knew may be why
        raise


def _submit(work: Submission, report: Report, recall: Recall) -> Flow[Execution]:
    if (work.path is None) == (not work.command):
        raise InvalidRequest("Give either a notebook or a command.")
    info = yield from _info(recall)
    root = work.root or find_root(work.path or Path.cwd())
    path, prepared = work.path, None
    if path is not None:
        prepared = yield Work(lambda: _prepare(work, path, root))
    spec = _spec(work, prepared)
    group = yield from _group(work, recall)
    if prepared:
        _tell(prepared, report)
    leave_out = {spec.notebook.path} if spec.notebook else set()
    plan: Plan = yield Work(lambda: scan(root, info.snapshot_limit, leave_out, work.extra))
    spec = spec.model_copy(update={"group": group.name})
    document = prepared.document if prepared else None
    known = yield Work(lambda: recall.code(plan, work.project))
    if known is not None:
        report(Scanned(plan))
        report(Known(known))
        try:
            return (yield from _create(work, spec, known, document))
        except UnknownCode:
            recall.forget()  # it was deleted meanwhile
    code = yield from _store(plan, work.project, report, recall)
    return (yield from _create(work, spec, code, document))


def _create(work: Submission, spec: Spec, code: str, document: Mapping[str, Any] | None) -> Flow[Execution]:
    spec = spec.model_copy(update={"code": code})
    return (yield from Executions.create.flow(None, spec, project=work.project, notebook=document))


def _info(recall: Recall) -> Flow[Info]:
    if (known := recall.info()) is not None:
        return known
    info = Info.model_validate_json((yield from send(Request("GET", "info"))).content)
    recall.heard(info)
    return info


def _prepare(work: Submission, path: Path, root: Path) -> Prepared:
    from perijove.notebooks import prepare  # noqa: PLC0415 - conversion takes a second to import
    from perijove.parameters import Text  # noqa: PLC0415 - yaml is slow to import

    values = {**work.parameters, **{name: Text(text) for name, text in work.typed.items()}}
    return prepare(path, root, work.cells, work.context, values, work.kernel, work.content)


def _tell(prepared: Prepared, report: Report) -> None:
    for note in prepared.notes:
        report(Noted(note))
    running = prepared.running
    going = prepared.needed
    if going is None:
        report(Chosen(running))
    else:
        names = {name for cell in going.included if cell not in going.chosen for name in going.provides.get(cell, ())}
        report(Chosen(running, going.chosen, sorted(names)))


def _group(work: Submission, recall: Recall) -> Flow[Group]:
    """Return the group, known to be the caller's and to take such work before a snapshot is stored for it."""
    group = recall.group(work.group) if work.group else None
    if group is None:
        group = (yield from Groups.get.flow(None, work.group)) if work.group else (yield from _default_group())
        recall.heard(group)
    if work.image and group.runtime == "process":
        raise ImageNotSupported(f"The group {group.name} runs processes, not containers, so it takes no image.")
    return group


def _default_group() -> Flow[Group]:
    """Return the group to use when none is named."""
    page = Page[Group].model_validate_json((yield from send(Request("GET", "groups"))).content)
    groups = {group.name: group for group in page.items}
    if len(groups) == 1:
        return page.items[0]
    if _DEFAULT_GROUP in groups:
        return groups[_DEFAULT_GROUP]
    if not groups:
        raise UnknownGroup("There is no worker group that you can use.", "Ask an administrator for one.")
    raise UnknownGroup("You can use several worker groups; say which.", f"Choose one of {', '.join(groups)}.")


def _spec(work: Submission, prepared: Prepared | None) -> Spec:
    fields: dict[str, Any] = {
        "notebook": prepared.spec_notebook.model_copy(update={"origin": work.origin}) if prepared else None,
        "command": [*work.command] or None,
        "parameters": prepared.parameters if prepared else _untyped(work),
        "group": work.group or _DEFAULT_GROUP,
        "inputs": [_input(name, uris) for name, uris in work.inputs.items()],
        "environment_variables": dict(work.environment),
        "tags": [*work.tags],
    }
    same = ("image", "title", "resources", "time_limit", "no_output_timeout", "priority", "retries")
    return checked(Spec, **fields, **{name: getattr(work, name) for name in same})


def _untyped(work: Submission) -> dict[str, ParameterValue]:
    return {**work.parameters, **{name: value_of(text) for name, text in work.typed.items()}}


def _input(name: str, uris: str | Sequence[str]) -> dict[str, Any]:
    return {"name": name, "uris": [uris] if isinstance(uris, str) else [*uris]}


def _store(plan: Plan, project: str | None, report: Report, recall: Recall) -> Flow[str]:
    """See to it that the service has the snapshot; return its code version."""
    report(Scanned(plan))
    began = time.time_ns()
    packed: Packed = yield Work(lambda: pack(plan))
    try:
        for note in packed.plan.notes:
            report(Noted(note))
        if (yield from CodeVersions.get.flow(None, packed.id, project=project)) is not None:
            report(Known(packed.id))
        else:
            yield from CodeVersions.upload.flow(
                None, packed.id, packed.path, project=project, sent=lambda sent: report(Uploading(sent, packed.size))
            )
    finally:
        packed.path.unlink(missing_ok=True)
    yield Work(lambda: recall.stored(packed.plan, project, packed.id, began))
    return packed.id
