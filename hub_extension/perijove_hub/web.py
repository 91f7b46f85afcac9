"""The Tornado application, made from the route table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado.httpserver import HTTPServer
from tornado.routing import Rule
from tornado.web import Application, RedirectHandler, url

from perijove_hub.handlers.resource import ResourceHandler
from perijove_hub.hub import Hub
from perijove_hub.pages.documentation import DocumentationPage
from perijove_hub.pages.home import HomePage
from perijove_hub.protection import ProtectedFiles
from perijove_hub.route import Route
from perijove_hub.routes import API, API_PREFIX, SERVICE

_STATIC = Path(__file__).parent / "static"


def make_application(hub: Hub, cookie_secret: bytes) -> Application:
    """Return the application.

    ``xsrf_cookies`` stays off: it would ask requests with a token for an XSRF cookie as well. JupyterHub's own check
    runs wherever a cookie is what identifies the caller.
    """
    templates = Environment(loader=PackageLoader("perijove_hub"), autoescape=select_autoescape())
    rules = [
        *_resources(hub, API, hub.prefix + API_PREFIX),
        *_resources(hub, SERVICE, hub.prefix),
        url(re.escape(hub.prefix) + "oauth_callback", HubOAuthCallbackHandler),
        url(re.escape(hub.prefix) + "static/(.*)", ProtectedFiles, {"path": _STATIC}),
        url(re.escape(hub.prefix + API_PREFIX) + "docs", DocumentationPage, {"hub": hub, "templates": templates}),
        url(re.escape(hub.prefix.rstrip("/")), RedirectHandler, {"url": hub.prefix, "permanent": False}),
        url(re.escape(hub.prefix), HomePage, {"hub": hub, "templates": templates}),
    ]
    return Application(
        rules,
        cookie_secret=cookie_secret,
        default_handler_class=ResourceHandler,
        default_handler_args={"hub": hub, "routes": {}},
        log_function=_logged_by_the_handler,
    )


def make_server(application: Application, idle_timeout: float) -> HTTPServer:
    """Return the server.

    Its own limit of a body is for pages, which take none; the REST API's handler has one for each route.

    Parameters
    ----------
    idle_timeout : float
        Seconds a connection may take to send a request's head, or stay idle between requests.
    """
    return HTTPServer(
        application,
        xheaders=True,
        max_header_size=64 * 1024,
        max_body_size=64 * 1024,
        idle_connection_timeout=idle_timeout,
    )


def _resources(hub: Hub, routes: Iterable[Route], prefix: str) -> Iterator[Rule]:
    """Give each address one handler with the routes of its methods, in the table's order."""
    by_pattern: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_pattern.setdefault(route.pattern, {})[route.method] = route
    for pattern, methods in by_pattern.items():
        yield url(re.escape(prefix) + pattern, ResourceHandler, {"hub": hub, "routes": methods})


def _logged_by_the_handler(_: Any) -> None:
    """Replace Tornado's own line per request."""
