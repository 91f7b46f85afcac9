"""Which objects the worker of an attempt may read and write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from perijove.errors import PerijoveError, UnknownExecution
from perijove.model.events import ObjectRequest, SignRequest, Verb
from perijove.model.ids import RelativePath, Sha256
from perijove.model.status import TERMINAL, Status
from perijove_scheduler.files.protocol import attempt_prefix, code_key, log_key, notebook_key, payload_key, segment_key
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import DatumRow, ExecutionRow
from perijove_scheduler.store.visibility import Viewer

_PATH: TypeAdapter[str] = TypeAdapter(RelativePath)
_SHA256: TypeAdapter[str] = TypeAdapter(Sha256)
_DATUM = "datum://"
_SEGMENT = re.compile(r"([1-9]\d{0,9})-([1-9]\d{0,9})")


def datum_key(row: DatumRow) -> str:
    """Return where a datum's bytes lie."""
    return f"{attempt_prefix(row.execution_id, row.attempt)}{row.name}"


@dataclass(frozen=True)
class Rights:
    """What one attempt of an execution may touch.

    `uploads` says whether it may still write outputs: once they are committed nobody changes them. Its records may come
    later, and those of an attempt that was superseded too, but once for each: `segmented` is the number of the last
    record that a segment holds.
    """

    row: ExecutionRow
    attempt: int
    uploads: bool = True
    data: Mapping[str, DatumRow] = field(default_factory=dict)
    segmented: int = 0

    def key(self, wanted: ObjectRequest) -> tuple[Verb, str]:
        """Return what may be done with an object and its key; raises `PerijoveError` where nothing may."""
        keys: dict[str, tuple[Verb, Callable[[str], str]]] = {
            "code": (Verb.GET, self._code),
            "notebook": (Verb.GET, self._notebook),
            "datum": (Verb.GET, self._datum),
            "output": (Verb.PUT, self._output),
            "log": (Verb.PUT, self._log),
            "segment": (Verb.PUT, self._segment),
            "payload": (Verb.PUT, self._payload),
        }
        verb, key = keys[wanted.what]
        return verb, key(wanted.name)

    def _code(self, name: str) -> str:
        if name != self.row.code:
            raise PerijoveError("This is not the execution's code version.")
        return code_key(name)

    def _notebook(self, name: str) -> str:
        if name != self.row.notebook:
            raise PerijoveError("This is not the execution's notebook.")
        return notebook_key(name)

    def _datum(self, name: str) -> str:
        if name not in self.data:
            raise PerijoveError("There is no such datum, or the execution may not read it.")
        return datum_key(self.data[name])

    def _output(self, name: str) -> str:
        if not self.uploads:
            raise PerijoveError("The attempt has ended, or was given to another worker.")
        return f"{attempt_prefix(self.row.id, self.attempt)}{_well_formed(_PATH, name, 'an output')}"

    def _log(self, name: str) -> str:
        return log_key(self.row.id, self.attempt)

    def _segment(self, name: str) -> str:
        match = _SEGMENT.fullmatch(name)
        if match is None or (first := int(match[1])) > (last := int(match[2])):
            raise PerijoveError("This is not a name of a segment.")
        if first <= self.segmented:
            raise PerijoveError("These records are stored already.")
        return segment_key(self.row.id, self.attempt, first, last)

    def _payload(self, name: str) -> str:
        return payload_key(self.row.id, self.attempt, _well_formed(_SHA256, name, "a payload"))


class Grants:
    """Finds out what the one who asks may touch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, request: SignRequest, group: str) -> Rights:
        """Return the rights of an attempt.

        Raises
        ------
        perijove.errors.UnknownExecution
            The execution is not of the worker's group, or the attempt is not one of its.
        """
        found = await self._store.executions.find(_EVERYTHING, request.execution)
        if found is None or found.row.group_name != group or request.attempt > found.row.attempt:
            raise UnknownExecution
        data = await self._data(found.row, request)
        segmented = await self._segmented(request)
        return Rights(found.row, request.attempt, _may_upload(found.row, request), data, segmented)

    async def _segmented(self, request: SignRequest) -> int:
        if all(each.what != "segment" for each in request.objects):
            return 0
        return await self._store.segments.last(request.execution, request.attempt)

    async def _data(self, row: ExecutionRow, request: SignRequest) -> dict[str, DatumRow]:
        wanted = [each.name for each in request.objects if each.what == "datum"]
        if not wanted:
            return {}
        uris = [uri for item in row.spec.get("inputs") or [] for uri in item["uris"]]
        declared = [uri.removeprefix(_DATUM) for uri in uris if uri.startswith(_DATUM)]
        return await self._store.data.readable(row.project_id, declared, wanted)


def _may_upload(row: ExecutionRow, request: SignRequest) -> bool:
    # A claim that was lost with Redis leaves the row without a worker until the attempt is announced again.
    mine = row.worker in (None, request.worker)
    return mine and row.attempt == request.attempt and Status(row.status) not in TERMINAL


# The applier asks for a worker, not for a person: the group is what bounds it.
_EVERYTHING = Viewer("", admin=True)


def _well_formed(adapter: TypeAdapter[str], name: str, what: str) -> str:
    try:
        return adapter.validate_python(name)
    except ValidationError as error:
        raise PerijoveError(f"This is not a name of {what}.") from error
