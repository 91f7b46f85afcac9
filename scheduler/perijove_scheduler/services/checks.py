"""What a spec names must be there and the caller's to use. What many specs of one request name is looked up once."""

from __future__ import annotations

from perijove.errors import ImageNotSupported, InvalidSpec, UnknownCode, UnknownDatum, UnknownGroup
from perijove.model.fleet import GroupSettings
from perijove.model.spec import Resources, Spec
from perijove_scheduler.files.protocol import Files, code_key
from perijove_scheduler.policies.sizes import capacity, need
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.documents import is_plain
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store

_DATUM = "datum://"
#: The most bytes of a spec as JSON: every list of executions carries specs whole.
SPEC_LIMIT = 256 * 1024


class Checks:
    """The checks of one request.

    Parameters
    ----------
    project : FoundProject, optional
        Where the executions go; None stands for a project that is yet to be made.
    """

    def __init__(self, store: Store, files: Files, caller: Caller, project: FoundProject | None) -> None:
        self._store = store
        self._files = files
        self._caller = caller
        self._project = project
        self._groups: dict[str, GroupSettings | None] = {}
        self._fitting: set[tuple[str, str | None, Resources]] = set()
        self._known: set[str] = set()

    async def spec(self, spec: Spec) -> None:
        """Check all that a spec says."""
        _check_values(spec)
        _check_size(spec)
        await self._group(spec)
        await self._code(spec)
        await self._inputs(spec)

    async def _group(self, spec: Spec) -> None:
        asked = (spec.group, spec.image, spec.resources)
        if asked in self._fitting:
            return
        if spec.group not in self._groups:
            self._groups[spec.group] = await self._store.groups.settings(spec.group)
        settings = self._groups[spec.group]
        if settings is None or not may_use(self._caller, settings):
            raise UnknownGroup(f"There is no worker group named {spec.group} that you may use.")
        if spec.image is not None and settings.runtime == "process":
            raise ImageNotSupported
        if not capacity(settings.capacity).holds(need(spec.resources)):
            offered = settings.capacity
            memory = f", {offered.memory:,} bytes of memory" if offered.memory else ""
            raise InvalidSpec(
                f"A worker of group {spec.group} has {offered.cpus:g} CPUs{memory} and {offered.gpus} GPUs.",
                "Ask for less, or choose a group with larger machines.",
            )
        self._fitting.add(asked)

    async def _code(self, spec: Spec) -> None:
        if spec.code is None or spec.code in self._known:
            return
        if self._project is None or await self._store.code.get(self._project.row.id, spec.code) is None:
            raise UnknownCode
        if await self._files.stat(code_key(spec.code)) is None:
            raise UnknownCode("The bytes of that code version are not in the store any more.")
        self._known.add(spec.code)

    async def _inputs(self, spec: Spec) -> None:
        if not spec.inputs:
            return
        uris = {uri for item in spec.inputs for uri in item.uris if uri.startswith(_DATUM)}
        data = {uri.removeprefix(_DATUM) for uri in uris - self._known}
        if data and (unknown := data - await self._store.data.visible(self._caller.viewer, sorted(data))):
            raise UnknownDatum(f"There is no datum {min(unknown)}, or it is not yours to see.")
        self._known |= uris


def may_use(caller: Caller, settings: GroupSettings) -> bool:
    """Return whether a group is the caller's to use."""
    return caller.admin or not settings.owners or not caller.groups.isdisjoint(settings.owners)


def _check_size(spec: Spec) -> None:
    """Refuse a spec that is too large to be shown in a list, however large a request may be."""
    size = len(spec.model_dump_json())
    if size > SPEC_LIMIT:
        raise InvalidSpec(
            f"The spec has {size:,} bytes; at most {SPEC_LIMIT:,} are taken.",
            "Put large values into a file, and name it as an input or keep it beside the code.",
        )


def _check_values(spec: Spec) -> None:
    if not is_plain(spec.as_json()):
        raise InvalidSpec("A value holds a NUL character, half of a surrogate pair, or a number such as NaN.")


def data_of(spec: Spec) -> list[str]:
    """Return the ids of the data that a spec takes as inputs."""
    uris = (uri for item in spec.inputs for uri in item.uris)
    return sorted({uri.removeprefix(_DATUM) for uri in uris if uri.startswith(_DATUM)})
