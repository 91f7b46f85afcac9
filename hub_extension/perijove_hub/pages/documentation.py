"""The API's documentation, drawn in the browser from ``openapi.json``; nothing is loaded from elsewhere."""

from __future__ import annotations

from typing import Any

from perijove_hub.pages.page import Page
from perijove_scheduler.services.caller import Caller


class DocumentationPage(Page):
    """A page that any signed-in user may read."""

    async def content(self, caller: Caller) -> tuple[str, dict[str, Any]]:
        """Return the template's name and its variables."""
        return "documentation.html", {}
