"""Copies of what ran, in the folder that JupyterLab shows."""

from __future__ import annotations

from contextlib import suppress

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from perijove.aio.executors import FILES
from perijove.errors import InvalidPath, InvalidRequest
from perijove.patterns import is_id
from perijove_server.copies import COPIES, make_copies_folder
from perijove_server.folders import shown_folder
from perijove_server.handlers.base import Handler


class CopiesHandler(Handler):
    """POST copies: make the folder that copies go to; it stays out of later snapshots."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer `{path}`; a server that keeps its documents elsewhere than in files has no snapshots either."""
        with suppress(InvalidPath):
            root = shown_folder(self.contents_manager)
            await FILES.run(make_copies_folder, root)
        self.finish({"path": COPIES})


class RanHandler(Handler):
    """POST ran: copy the folder that an execution ran in, unless it is there already."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Answer `{path}`, as JupyterLab names it."""
        # zstandard and httpx are slow to import; by now they are there
        from perijove_server.ran import lay_out  # noqa: PLC0415

        execution = self.body().get("execution")
        if not isinstance(execution, str) or not is_id(execution):
            raise InvalidRequest("The field 'execution' is not an execution's id.")
        root = shown_folder(self.contents_manager)
        folder = await lay_out(await self.master.client(), execution, root)
        self.finish({"path": folder.relative_to(root).as_posix()})
