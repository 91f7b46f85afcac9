"""Request bodies: checked before they are sent, and keyed so that a repetition creates nothing twice."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from perijove.client.flow import Request
from perijove.errors import InvalidParameter, InvalidSpec, PerijoveError

M = TypeVar("M", bound=BaseModel)


def creation(address: str, body: Any, key: str | None = None) -> Request:
    """Return a POST that creates; the service performs it once however often it arrives."""
    return Request("POST", address, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})


def checked(kind: type[M], **fields: Any) -> M:
    """Return a `kind` made of `fields`.

    Raises
    ------
    perijove.errors.InvalidSpec
        A field's value is not valid; the sentence names the field.
    """
    try:
        return kind(**fields)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> PerijoveError:
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    said = first["msg"].removeprefix("Value error, ")
    if place[:1] == ["parameters"] and len(place) > 1:
        return InvalidParameter(f"The parameter '{place[1]}' is not valid: {said}.")
    return InvalidSpec(f"{'.'.join(place)}: {said}." if place else f"{said[:1].upper()}{said[1:]}.")
