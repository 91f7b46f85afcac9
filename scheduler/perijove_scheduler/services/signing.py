"""Which objects the worker of an attempt may read and write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from perijove.errors import PerijoveError
from perijove.model.events import ObjectRequest, SignRequest, Verb
from perijove.model.ids import RelativePath, Sha256
from perijove.model.status import Status
from perijove_scheduler.files.protocol import attempt_prefix, code_key, log_key, notebook_key, payload_key, segment_key
from perijove_scheduler.store.attempts import Standing
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import DatumRow

_PATH: TypeAdapter[str] = TypeAdapter(RelativePath)
_SHA256: TypeAdapter[str] = TypeAdapter(Sha256)
_DATUM = "datum://"
_SEGMENT = re.compile(r"([1-9]\d{0,9})-([1-9]\d{0,9})")


def datum_key(row: DatumRow) -> str:
    """Return where a datum's bytes lie."""
    return f"{attempt_prefix(row.execution_id, row.attempt)}{row.name}"


@dataclass(frozen=True)
class Rights:
    """What a worker may touch for one attempt of an execution.

    `holds` says whether it holds that attempt: it then reads what the work needs, and writes outputs until they are
    committed, which nobody changes any more. `ran` says whether it ran it: its records may come later, also where the
    attempt was superseded, but once for each: `segmented` is the number of the last record that a segment holds.
    """

    of: Standing
    attempt: int
    holds: bool
    ran: bool
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
        if not (self.ran if wanted.what in {"log", "segment"} else self.holds):
            raise PerijoveError("The attempt has ended, or is another worker's.")
        return verb, key(wanted.name)

    def _code(self, name: str) -> str:
        if name != self.of.code:
            raise PerijoveError("This is not the execution's code version.")
        return code_key(name)

    def _notebook(self, name: str) -> str:
        if name != self.of.notebook:
            raise PerijoveError("This is not the execution's notebook.")
        return notebook_key(name)

    def _datum(self, name: str) -> str:
        if name not in self.data:
            raise PerijoveError("There is no such datum, or the execution may not read it.")
        return datum_key(self.data[name])

    def _output(self, name: str) -> str:
        return f"{attempt_prefix(self.of.execution, self.attempt)}{_well_formed(_PATH, name, 'an output')}"

    def _log(self, name: str) -> str:
        return log_key(self.of.execution, self.attempt)

    def _segment(self, name: str) -> str:
        match = _SEGMENT.fullmatch(name)
        if match is None or (first := int(match[1])) > (last := int(match[2])):
            raise PerijoveError("This is not a name of a segment.")
        if first <= self.segmented:
            raise PerijoveError("These records are stored already.")
        return segment_key(self.of.execution, self.attempt, first, last)

    def _payload(self, name: str) -> str:
        return payload_key(self.of.execution, self.attempt, _well_formed(_SHA256, name, "a payload"))


class Grants:
    """Finds out what those who ask may touch: in one question for all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, group: str, requests: Sequence[SignRequest]) -> list[Rights | None]:
        """Return the rights of each request's worker for its attempt, in their order.

        None where nobody is known to hold the attempt yet: its claim, which was lost with Redis, is announced again.
        An execution that there is not, or that is another group's, is nobody's to touch.
        """
        attempts = {(each.execution, each.attempt) for each in requests}
        standings = await self._store.attempts.standings(attempts)
        wanted = {each.name for request in requests for each in request.objects if each.what == "datum"}
        data = await self._store.data.placed(wanted)
        segments = {(r.execution, r.attempt) for r in requests if any(each.what == "segment" for each in r.objects)}
        segmented = await self._store.segments.last_of(segments)
        found = [_in_group(standings.get((each.execution, each.attempt)), group) for each in requests]
        rights = [_rights(each, of, data) for each, of in zip(requests, found, strict=True)]
        return [
            each and replace(each, segmented=segmented.get((request.execution, request.attempt), 0))
            for each, request in zip(rights, requests, strict=True)
        ]


def _rights(request: SignRequest, of: Standing | None, data: Mapping[str, tuple[DatumRow, str]]) -> Rights | None:
    if of is None:
        return _NOTHING
    if of.status is Status.QUEUED and of.attempt == request.attempt:
        return None
    holds = of.is_held_by(request.worker, request.attempt)
    return Rights(of, request.attempt, holds, of.ran_by == request.runner, _readable(of, data) if holds else {})


def _readable(of: Standing, data: Mapping[str, tuple[DatumRow, str]]) -> dict[str, DatumRow]:
    """Return those data that lie in the execution's project, or that it declared as inputs."""
    uris = {uri for item in of.spec.get("inputs") or [] for uri in item["uris"]} if data else set()
    return {id_: row for id_, (row, project) in data.items() if project == of.project or f"{_DATUM}{id_}" in uris}


def _in_group(of: Standing | None, group: str) -> Standing | None:
    return of if of is not None and of.group == group else None


_NOTHING = Rights(Standing("", "", "", Status.CREATED, 0, None, None, None, {}, None), 0, holds=False, ran=False)


def _well_formed(adapter: TypeAdapter[str], name: str, what: str) -> str:
    try:
        return adapter.validate_python(name)
    except ValidationError as error:
        raise PerijoveError(f"This is not a name of {what}.") from error
