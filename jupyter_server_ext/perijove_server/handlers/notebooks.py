"""Previews and submissions of notebooks; the slow work happens off the event loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from perijove.aio.executors import COMPUTING
from perijove_server.folders import notebook_file, shown_folder
from perijove_server.handlers.base import Handler, read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perijove.model.fleet import Group
    from perijove.model.resources import Info
    from perijove_server.documents import Document


class _NotebookHandler(Handler):
    async def document(self) -> Document:
        """Return the request's document, read in a thread: it may be many megabytes."""
        return await COMPUTING.run(_read, self.request.body)

    def file(self, document: Document) -> Path:
        """Return where the document lies."""
        return notebook_file(self.contents_manager, document.path)


class PreviewHandler(_NotebookHandler):
    """POST preview: what a run would be, before anything is sent."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer with the form, what goes along, and the snapshot's size."""
        document = await self.document()
        file = self.file(document)
        client = await self.master.client()
        info = await client.info()
        groups = [group async for group in client.groups.list()]
        biggest = self.settings["perijove_preview_limit"]
        self.finish(await COMPUTING.run(_preview, document, file, groups, info, biggest))


class SubmitHandler(_NotebookHandler):
    """POST submit: snapshot, convert and create an execution."""

    @authenticated
    @authorized(action="execute")  # type: ignore[untyped-decorator]  # Jupyter Server's types know its other form only
    async def post(self) -> None:
        """Answer with the execution, the ids of the cells that run, in order, and notes for the person."""
        from perijove_server.sending import send  # noqa: PLC0415 - httpx is slow to import; by now it is there

        document = await self.document()
        file = self.file(document)
        origin = file.relative_to(shown_folder(self.contents_manager)).as_posix()
        sent = await send(await self.master.client(), document, file, origin)
        self.set_status(201)
        self.finish(sent)


def _read(text: bytes) -> Document:
    from perijove_server.documents import read_document  # noqa: PLC0415 - pydantic models take time to build

    return read_document(read_object(text))


def _preview(document: Document, file: Path, groups: Sequence[Group], info: Info, biggest: int) -> dict[str, Any]:
    from perijove_server.preview import preview  # noqa: PLC0415 - papermill and nbconvert take a second to import

    return preview(document, file, groups, info, biggest)
