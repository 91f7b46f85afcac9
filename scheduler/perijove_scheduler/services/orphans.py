"""Objects that belong to nothing: uploads that were never committed, or whose rows are no more."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from perijove_scheduler.files.protocol import Files, Stored, notebook_of
from perijove_scheduler.store.retention import Retention
from perijove_scheduler.store.segments import Segments

#: Seconds an object may lie there before a row has to name it: an upload comes first.
GRACE = 86_400.0
_PAGE = 200
_CODE = ".tar.zst"
_ATTEMPT_PARTS = 3
_SEGMENT = re.compile(r"logs/(?P<execution>[^/]+)/(?P<attempt>\d+)/(?P<first>\d+)-(?P<last>\d+)\.jsonl\.zst")


class Orphans:
    """Finds them, by looking at each object and asking for its row."""

    def __init__(self, store: Retention, segments: Segments, files: Files) -> None:
        self._store = store
        self._segments = segments
        self._files = files
        self.looked_at = 0

    async def find(self) -> AsyncIterator[Stored]:
        """Iterate over the orphans that are older than `GRACE`; `looked_at` counts the objects on the way."""
        self.looked_at = 0
        judges: dict[str, Callable[[list[Stored]], Awaitable[list[Stored]]]] = {
            "code/": self._code,
            "notebooks/": self._notebooks,
            "outputs/": self._outputs,
            "logs/": self._records,
            "payloads/": self._records,
            "uploads/": self._uploads,
        }
        for prefix, judge in judges.items():
            async for page in self._pages(prefix):
                for orphan in await judge(page):
                    yield orphan

    async def _pages(self, prefix: str) -> AsyncIterator[list[Stored]]:
        page: list[Stored] = []
        async for stored in self._files.list(prefix):
            self.looked_at += 1
            if stored.modified < time.time() - GRACE:
                page.append(stored)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def _code(self, page: list[Stored]) -> list[Stored]:
        versions = {_code_of(stored.key): stored for stored in page if stored.key.endswith(_CODE)}
        known = await self._store.known_code(list(versions))
        return [stored for version, stored in versions.items() if version not in known]

    async def _notebooks(self, page: list[Stored]) -> list[Stored]:
        digests = {digest: stored for stored in page if (digest := notebook_of(stored.key))}
        used = await self._store.used_notebooks(list(digests))
        return [stored for digest, stored in digests.items() if digest not in used]

    async def _outputs(self, page: list[Stored]) -> list[Stored]:
        """Keep what a datum names, and everything of an execution that may still commit it."""
        executions = sorted({_execution_of(stored.key) for stored in page})
        # The data are read second: an execution that ended a day ago gets none any more.
        old = await self._store.known_executions(executions)
        data = await self._store.known_outputs(executions)
        return [
            stored for stored in page if old.get(_execution_of(stored.key), True) and _datum_of(stored.key) not in data
        ]

    async def _uploads(self, page: list[Stored]) -> list[Stored]:
        """Keep those of an execution that may still settle them."""
        old = await self._store.known_executions(sorted({_execution_of(stored.key) for stored in page}))
        return [stored for stored in page if old.get(_execution_of(stored.key), True)]

    async def _records(self, page: list[Stored]) -> list[Stored]:
        executions = sorted({_execution_of(stored.key) for stored in page})
        known = await self._store.known_executions(executions)
        removed = await self._store.removed_logs(executions)
        # A segment may be uploaded and not noted yet, or never, as long as its execution has not ended for a day.
        segments = await self._segments.known([execution for execution, old in known.items() if old])
        return [
            stored
            for stored in page
            if _execution_of(stored.key) not in known
            or _attempt_of(stored.key) in removed
            or (known[_execution_of(stored.key)] and (segment := _segment_of(stored.key)) and segment not in segments)
        ]


def _code_of(key: str) -> str:
    name = key[len("code/") : -len(_CODE)]
    return f"git:{name.removeprefix('git-')}" if name.startswith("git-") else name


def _execution_of(key: str) -> str:
    return key.split("/")[1]


def _attempt_of(key: str) -> tuple[str, int]:
    """Return the execution and attempt of ``logs/<execution>/<attempt>.jsonl.zst`` or ``payloads/…/<attempt>/…``."""
    attempt = key.split("/")[2].partition(".")[0]
    return _execution_of(key), int(attempt) if attempt.isdecimal() else 0


def _segment_of(key: str) -> tuple[str, int, int, int] | None:
    """Return the execution, attempt, first and last record of a segment; None for what is none."""
    match = _SEGMENT.fullmatch(key)
    return match and (match["execution"], int(match["attempt"]), int(match["first"]), int(match["last"]))


def _datum_of(key: str) -> tuple[str, int, str]:
    _, execution, attempt, name = (*key.split("/", _ATTEMPT_PARTS), "", "")[:4]
    return execution, int(attempt) if attempt.isdecimal() else 0, name
