"""The error tree of Perijove. A class's docstring is its default sentence; its attributes say how REST answers."""

from __future__ import annotations

import re
from typing import ClassVar


class PerijoveError(Exception):
    """Something went wrong.

    Parameters
    ----------
    message : str, optional
        One sentence for the person who reads it; by default the first line of the class's docstring.
    hint : str, optional
        What that person can do about it.

    Attributes
    ----------
    status : int
        The HTTP status the REST API answers with.
    code : str
        The machine-readable name, derived from the class's: ``UnknownGroup`` → ``unknown_group``.
    """

    status: ClassVar[int] = 500
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str = "", hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.hint = hint or self.default_hint
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The machine-readable name of this kind of error."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def as_json(self) -> dict[str, dict[str, str]]:
        """Return the body the REST API answers with."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class InvalidRequest(PerijoveError):
    """The request is not understood."""

    status = 400
    default_hint = "The REST reference, at api/v1/docs below the service's address, says what each address takes."


class Unauthenticated(PerijoveError):
    """The request carries no valid token."""

    status = 401
    default_hint = "Ask the Hub for a new token on its token page and send it as 'Authorization: token …'."


class Forbidden(PerijoveError):
    """You may not do this."""

    status = 403
    default_hint = "Ask an administrator of the project, or of the Hub, for the right to do it."


class NotFound(PerijoveError):
    """There is no such thing, or it is not yours to see."""

    status = 404
    default_hint = "Check the address; what belongs to other people's projects is not shown."


class UnknownProject(NotFound):
    """There is no project of that name, or it is not yours to see."""

    default_hint = "`perijove projects` lists the projects you can use."


class UnknownGroup(NotFound):
    """There is no worker group of that name, or it is not yours to use."""

    status = 422
    default_hint = "`perijove groups` lists the worker groups you can use."


class UnknownExecution(NotFound):
    """There is no execution of that name, or it is not yours to see."""

    default_hint = "`perijove ls` lists your executions."


class UnknownCode(NotFound):
    """That code version is not stored in this project."""

    status = 422
    default_hint = "Upload the snapshot first (PUT /code/{id})."


class UnknownDatum(NotFound):
    """There is no such datum, or it is not yours to see."""

    status = 422


class Conflict(PerijoveError):
    """It stands in a state in which this cannot be done."""

    status = 409
    default_hint = "`perijove show` says where it stands."


class AmbiguousProject(Conflict):
    """Several projects that you see have this name."""

    default_hint = "Say whose you mean: owner/name, or the project's id; `perijove projects` lists them."


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used before with a different request."""

    default_hint = "Use a fresh key for a new request; repeat a key only to repeat the same request."


class TooLarge(PerijoveError):
    """It is larger than the limit."""

    status = 413
    default_hint = "Send less, or ask your administrator to raise the limit."


class SnapshotTooLarge(TooLarge):
    """The project folder is larger than the limit for a code snapshot."""

    default_hint = "List what the run does not need in .perijoveignore, or raise the limit."


class InvalidSpec(PerijoveError):
    """The execution's spec is not valid."""

    status = 422
    default_hint = "`perijove run --help` and the REST reference say what a spec may hold."


class InvalidParameter(InvalidSpec):
    """A parameter is unknown or has the wrong type."""

    default_hint = "The notebook's cell tagged 'parameters' says which there are, and of what type."


class InvalidNotebook(InvalidSpec):
    """This is not a notebook that can be run."""

    default_hint = "Open it in JupyterLab, see that it has a code cell, and save it there."


class UnknownCell(InvalidNotebook):
    """The notebook has no such cell."""

    default_hint = "Name cells by their position (4, 2-5) or by their id."


class InvalidPath(InvalidSpec):
    """A path leaves its folder."""

    default_hint = "Give a path inside the project folder, without links that lead out of it."


class ImageNotSupported(InvalidSpec):
    """This group runs processes, not containers, so it takes no image."""

    default_hint = "Leave the image out: what the work needs is installed on the group's workers."


class RuntimeNotSupported(InvalidSpec):
    """There is no such runtime yet: work runs as processes of the agent's own system user."""

    default_hint = "Leave runtime and image out (runtime: process); docs/security.md says what that isolates."


class IncompatibleAgent(InvalidSpec):
    """This agent's software and the service's do not work together."""

    default_hint = "Install the same version of perijove on the worker as on the service."


class Unavailable(PerijoveError):
    """A part of the platform cannot be reached just now."""

    status = 503
    default_hint = "Try again in a moment; what is running goes on."


class ExecutionFailed(PerijoveError):
    """The execution did not complete."""


class ConnectionLost(PerijoveError):
    """The Perijove service cannot be reached."""

    default_hint = "Check PERIJOVE_URL and that the Hub is running."
