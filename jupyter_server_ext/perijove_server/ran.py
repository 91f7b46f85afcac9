"""Laying out the folder that ran: the code version an execution had, with its notebook in its place."""

from __future__ import annotations

import errno
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perijove import paths, trees
from perijove.aio.executors import COMPUTING, FILES
from perijove.client.roots import MARKERS
from perijove.code import unpack
from perijove.code.names import check_name
from perijove.errors import InvalidPath, NotFound
from perijove.parameters import inject
from perijove_server.copies import explaining, make_copies_folder

if TYPE_CHECKING:
    from perijove.client import AsyncClient
    from perijove.model.resources import Execution

log = logging.getLogger(__name__)

_ARCHIVE, _FOLDER = "code.tar.zst", "code"


@dataclass(frozen=True)
class _Ran:
    """What is laid out: an archive, and the notebook that was left out of it because it is stored on its own.

    The parameters that it ran with are set in it.
    """

    code: str
    limit: int
    notebook: str = ""
    submitted: bytes = b""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kernel: str = ""

    def document(self) -> bytes:
        """Return the notebook as it ran."""
        if not self.parameters:
            return self.submitted
        document = inject(json.loads(self.submitted), self.parameters, self.kernel)
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


async def lay_out(client: AsyncClient, execution_id: str, root: Path) -> Path:
    """Return the folder that ran, copied below `root`; a copy that is there already stays as the person left it.

    Raises
    ------
    perijove.errors.NotFound
        It ran without a folder.
    perijove.errors.PerijoveError
        It cannot be fetched, is not what was stored, or there is no room; nothing is left of it.
    """
    execution = await client.executions.get(execution_id)
    code = execution.spec.code
    if not code:
        raise NotFound(f"Execution {execution.number} ran without a folder.", "Nothing was sent along with it.")
    target = await FILES.run(_place, root, execution)
    if await FILES.run(paths.exists, target):
        return target
    draft = await FILES.run(_draft, target)
    try:
        await client.code.download(code, draft / _ARCHIVE, project=execution.project)
        ran = await _ran(client, execution, code)
        await COMPUTING.run(_lay_out, ran, draft, target)
    finally:
        await FILES.run(_discard, draft)
    return target


async def _ran(client: AsyncClient, execution: Execution, code: str) -> _Ran:
    limit, notebook = (await client.info()).snapshot_limit, execution.spec.notebook
    if notebook is None:
        return _Ran(code, limit)
    submitted = await client.executions.notebook(execution.id, which="submitted")
    return _Ran(code, limit, notebook.path, submitted, execution.spec.parameters, notebook.kernel or "")


def _place(root: Path, execution: Execution) -> Path:
    """Return where the folder goes: numbers count within a project."""
    return make_copies_folder(root) / check_name(execution.project_name) / str(execution.number) / _FOLDER


def _draft(target: Path) -> Path:
    """Make a folder beside the target, which appears whole or not at all."""
    with explaining(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{_FOLDER}-", dir=target.parent))


def _lay_out(ran: _Ran, draft: Path, target: Path) -> None:
    folder = draft / _FOLDER
    with explaining(target):
        unpack(draft / _ARCHIVE, folder, ran.limit, ran.code if ran.code.startswith("~") else "")
        if ran.notebook:
            _write(folder, ran.notebook, ran.document())
        if not any(paths.exists(folder / marker) for marker in MARKERS):
            # A project of its own: what is run in it sends it, and not what lies around it.
            (folder / ".perijoveignore").touch()
        if not _rename(folder, target) and not paths.is_folder(target):
            raise FileExistsError


def _rename(folder: Path, target: Path) -> bool:
    """Return whether `folder` is `target` now; where another request was faster, what it laid out stays."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
            raise
        return False
    return True


def _discard(draft: Path) -> None:
    if remains := trees.remove(draft):
        log.warning("%s is not removed; there stays: %s", draft, remains)


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file below a folder that somebody else filled: through no link, and over nothing."""
    path = folder / check_name(name)
    if not paths.leads_below(path.parent, folder):
        raise InvalidPath(f"The notebook {name!r} lies behind a link that leads elsewhere.")
    paths.make_folders(path.parent)
    with suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
