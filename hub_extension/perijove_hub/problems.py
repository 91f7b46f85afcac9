"""One place turns whatever goes wrong into one of our errors, and so into HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from tornado.web import HTTPError

from perijove.errors import (
    Forbidden,
    InvalidParameter,
    InvalidPath,
    InvalidRequest,
    InvalidSpec,
    NotFound,
    PerijoveError,
    TooLarge,
    Unauthenticated,
)

_NOT_AN_OBJECT = {"json_invalid", "json_type", "model_type", "model_attributes_type"}
# What stands at these places has an error of its own.
_KINDS: dict[tuple[str, ...], type[PerijoveError]] = {
    ("spec", "parameters"): InvalidParameter,
    ("parameters",): InvalidParameter,
    ("spec", "notebook", "path"): InvalidPath,
}


class MethodNotAllowed(InvalidRequest):
    """This address does not take that method."""

    status = 405


class TooSlow(InvalidRequest):
    """The body came too slowly."""

    status = 408
    default_hint = "Send it again, over a better line."


class TooMany(PerijoveError):
    """You follow too many executions at once."""

    status = 429
    default_hint = "Close some of the streams, or look at the executions in a list."


class InternalError(PerijoveError):
    """Perijove failed; this is not your doing."""


_BY_STATUS: dict[int, type[PerijoveError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge,
}


def problem(error: BaseException, request: str = "") -> PerijoveError:
    """Return the error to answer with.

    Parameters
    ----------
    error : BaseException
        What was raised.
    request : str
        The request's id; an unforeseen error's answer carries it, so that its traceback can be found in the log.
    """
    if isinstance(error, PerijoveError):
        return error
    if isinstance(error, ValidationError):
        return invalid_body(error)
    if isinstance(error, HTTPError) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = _BY_STATUS.get(error.status_code, InvalidRequest)
        return kind(hint=kind.default_hint or _HINT)
    return InternalError(hint=f"Tell your administrator the request's number: {request}.")


def invalid_body(error: ValidationError) -> PerijoveError:
    """Return what is wrong with a body, in a sentence about its first wrong field."""
    first = error.errors(include_url=False)[0]
    if first["type"] in _NOT_AN_OBJECT and not first["loc"]:
        return InvalidRequest("The body is not a JSON object.", _HINT)
    # A spec of a batch is refused like a spec of its own.
    found = first["loc"] if first["loc"][:1] != ("specs",) else ("spec", *first["loc"][2:])
    kinds = (kind for place, kind in _KINDS.items() if found[: len(place)] == place)
    return next(kinds, InvalidSpec)(sentence(first), _hint(error))


def invalid_query(error: ValidationError) -> PerijoveError:
    """Return what is wrong with a query string."""
    return InvalidRequest(sentence(error.errors(include_url=False)[0]), _hint(error))


def _hint(error: ValidationError) -> str:
    paths = {_path(detail) for detail in error.errors(include_url=False)}
    others = len(paths) - 1
    return f"{others} more field{'s' * (others > 1)} would be refused as well. {_HINT}" if others else _HINT


def sentence(detail: ErrorDetails) -> str:
    """Return one validation error for a reader who knows nothing of the library that found it."""
    path, kind, context = _path(detail), detail["type"], detail.get("ctx", {})
    plain = _PLAIN.get(kind)
    if plain is not None:
        return f"'{path}' {plain}." if path else f"The request {plain}."
    if kind in {"value_error", "assertion_error"}:
        text = str(context.get("error", detail["msg"]))
        return f"{path}: {text}." if path else f"{text[:1].upper()}{text[1:]}."
    return _reworded(path or "the body", detail["msg"])


def _reworded(path: str, message: str) -> str:
    """Return the library's message with the field's path for its 'Input'."""
    for noun in ("Input", "String", "List", "Value", "Dictionary"):
        if message.startswith(f"{noun} should"):
            return f"'{path}'{message[len(noun) :]}."
    return f"'{path}': {message[:1].lower()}{message[1:]}."


_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "is not a field this takes",
    "string_pattern_mismatch": "has characters or a form that is not allowed here",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
}


def _path(detail: ErrorDetails) -> str:
    # A union's members appear in the location as their types' names, and a mapping's key as a mark of its own.
    names: list[Any] = [part for part in detail["loc"] if isinstance(part, int) or part not in _NOT_FIELDS]
    return ".".join(str(name) for name in names)


_HINT = "The page api/v1/docs of the service shows what each request takes."
_NOT_FIELDS = {"[key]", "bool", "int", "float", "str", "none", "list[any]", "dict[str,any]"}
