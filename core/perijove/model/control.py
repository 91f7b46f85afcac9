"""What the master tells one worker, through that worker's control stream."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from perijove.model.base import Model
from perijove.model.ids import ExecutionId


class Wake(Model):
    """A ticket was offered while the worker was idle: claim now."""

    kind: Literal["wake"] = "wake"


class Stop(Model):
    """Someone asked to stop this attempt."""

    kind: Literal["stop"] = "stop"
    execution: ExecutionId
    attempt: int


class Account(Model):
    """Redis does not know this attempt to be held by the worker, as the database says: say how it ended."""

    kind: Literal["account"] = "account"
    execution: ExecutionId
    attempt: int


class Drain(Model):
    """Take nothing new; leave when what you hold is done."""

    kind: Literal["drain"] = "drain"


class SignedObject(Model):
    """The answer for one requested object: a URL, or the reason why there is none."""

    what: str
    name: str
    url: str = ""
    error: str = ""


class Signed(Model):
    """The answer to a `SignRequest`, in the request's order; one comes unasked, see `ahead`."""

    kind: Literal["signed"] = "signed"
    request: str
    objects: list[SignedObject]


class Trimmed(Model):
    """The records of an attempt up to number `last` are stored, and no longer its stream's to hold."""

    kind: Literal["trimmed"] = "trimmed"
    execution: ExecutionId
    attempt: int
    last: int


def ahead(execution: str, attempt: int) -> str:
    """Return the `request` of the answer that comes unasked when a notebook is claimed: where the executed one goes.

    Asking would take longer than many a notebook runs.
    """
    return f"{execution}/{attempt}"


Control = Annotated[Wake | Stop | Account | Drain | Signed | Trimmed, Field(discriminator="kind")]

#: Reads one JSON document into its message.
CONTROL: TypeAdapter[Control] = TypeAdapter(Control)
