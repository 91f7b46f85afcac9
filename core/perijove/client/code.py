"""Code versions over REST."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perijove.client.api import Api, Driver, endpoint, path
from perijove.client.download import Report, save
from perijove.client.flow import FileBody, Flow, Request, Work
from perijove.client.transfer import send
from perijove.errors import UnknownCode
from perijove.model.resources import Code


class CodeVersions(Api[Driver]):
    """The code versions of a project, which is by default the caller's personal one."""

    @endpoint
    def get(self, code: str, *, project: str | None = None) -> Flow[Code | None]:
        """Return a stored code version, or None if the project does not have it."""
        try:
            response = yield from send(Request("GET", path("code", code), _params(project)))
        except UnknownCode:
            return None
        return Code.model_validate_json(response.content)

    @endpoint
    def upload(
        self,
        code: str,
        archive: Path,
        *,
        project: str | None = None,
        sent: Callable[[int], None] = lambda _count: None,
    ) -> Flow[Code]:
        """Store a snapshot, streamed from the file `archive`; `sent` is told the bytes sent so far."""
        size = (yield Work(archive.stat)).st_size
        headers = {"Content-Type": "application/zstd"}
        body = FileBody(archive, size, sent)
        response = yield from send(Request("PUT", path("code", code), _params(project), file=body, headers=headers))
        return Code.model_validate_json(response.content)

    @endpoint
    def download(
        self, code: str, target: Path, *, project: str | None = None, report: Report = lambda _count: None
    ) -> Flow[Path]:
        """Write a code version's archive to the file `target`."""
        digest = code.removeprefix("~") if code.startswith("~") else None
        return save(path("code", code, "archive"), target, digest, report, _params(project))


def _params(project: str | None) -> dict[str, str]:
    return {} if project is None else {"project": project}
