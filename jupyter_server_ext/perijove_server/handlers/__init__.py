"""The handlers of the extension, all below ``<base_url>perijove/api/``."""

from __future__ import annotations

from typing import Any

from perijove_server.handlers.copies import CopiesHandler, RanHandler
from perijove_server.handlers.feed import FeedHandler
from perijove_server.handlers.notebooks import PreviewHandler, SubmitHandler
from perijove_server.handlers.proxy import ProxyHandler
from perijove_server.handlers.status import SettingsHandler, StatusHandler


def routes() -> list[tuple[str, type[Any]]]:
    """Return the extension's routes."""
    return [
        ("/perijove/api/status", StatusHandler),
        ("/perijove/api/settings", SettingsHandler),
        ("/perijove/api/preview", PreviewHandler),
        ("/perijove/api/submit", SubmitHandler),
        ("/perijove/api/copies", CopiesHandler),
        ("/perijove/api/ran", RanHandler),
        ("/perijove/api/feed", FeedHandler),
        ("/perijove/api/master/(.+)", ProxyHandler),
    ]
