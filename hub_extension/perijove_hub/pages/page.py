"""What all pages share: signing in without blocking, and a template."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from jinja2 import Environment
from jupyterhub.services.auth import HubOAuthenticated
from tornado.web import HTTPError, RequestHandler

from perijove.errors import PerijoveError, Unauthenticated
from perijove_hub.hub import Hub
from perijove_hub.problems import problem
from perijove_hub.protection import OF_PAGES, protect
from perijove_scheduler.services.caller import Caller


class Page(HubOAuthenticated, RequestHandler):  # type: ignore[misc] # JupyterHub is not typed
    """A page; `content` says which template and with what."""

    def initialize(self, hub: Hub, templates: Environment) -> None:
        """Take what Tornado hands over from the application's rules."""
        self.hub = hub
        self.hub_auth = hub.identity.auth
        self.templates = templates

    def set_default_headers(self) -> None:
        """Pages load nothing from elsewhere and are framed by nobody."""
        protect(self, OF_PAGES)
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """Answer without an ETag: a page is never kept."""

    async def get(self) -> None:
        """Show the page, or send whoever is not signed in to the Hub."""
        try:
            # Who is not signed in is sent to the Hub even while this starts.
            await self.hub.identity.of(self)
            self.hub.check_started()
            caller, _ = await self.hub.caller(self)
            caller.require("read")
            self._render(*await self.content(caller), caller=caller)
        except Unauthenticated:
            self.redirect(self.get_login_url())

    def content(self, caller: Caller) -> Awaitable[tuple[str, dict[str, Any]]]:
        """Return the template's name and its variables."""
        raise NotImplementedError

    def _render(self, template: str, variables: dict[str, Any], **more: Any) -> None:
        prefix = self.hub.prefix
        text = self.templates.get_template(template).render(prefix=prefix, **variables, **more)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say on a page what went wrong."""
        cause = kwargs.get("exc_info", (None, HTTPError(status_code), None))[1]
        told: PerijoveError = problem(cause)
        self.set_status(told.status)
        self._render("error.html", {"error": told}, caller=None)
