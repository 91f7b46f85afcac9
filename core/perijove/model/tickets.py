"""A ticket: what a worker needs to run one attempt."""

from __future__ import annotations

from typing import Any

from perijove.model.base import Model
from perijove.model.ids import ExecutionId
from perijove.model.spec import Spec


class Ticket(Model):
    """One attempt, as it is offered on a group's queue.

    Attributes
    ----------
    notebook : dict, optional
        The converted notebook document, when it is smaller than `records.INLINE_LIMIT`; else the worker fetches it by
        the spec's digest.
    project, number, owner
        For the environment the work sees (``$PERIJOVE_CONFIG/execution.json``) and for the worker's log.
    """

    execution: ExecutionId
    attempt: int
    project: str
    number: int
    owner: str
    spec: Spec
    notebook: dict[str, Any] | None = None
