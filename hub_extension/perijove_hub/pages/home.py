"""The page behind the Hub's Services menu: what you run, and where it can run."""

from __future__ import annotations

from typing import Any

from perijove.model.durations import describe_seconds
from perijove.model.resources import Execution
from perijove_hub.pages.page import Page
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.executions import ExecutionFilter

_SHOWN = 50


class HomePage(Page):
    """The caller's latest executions and the groups they may use."""

    async def content(self, caller: Caller) -> tuple[str, dict[str, Any]]:
        """Return the template's name and its variables."""
        services = self.hub.platform.services
        page = await services.executions.list(caller, ExecutionFilter(owner=caller.name), None, _SHOWN)
        return "home.html", {
            "executions": page.items,
            "more": page.next is not None,
            "groups": await services.groups.list(caller),
            "length": length,
        }


def length(execution: Execution) -> str:
    """Return how long an ended execution ran, for a reader; empty while there is nothing to say."""
    if execution.started_at is None or execution.finished_at is None:
        return ""
    return describe_seconds((execution.finished_at - execution.started_at).total_seconds())
