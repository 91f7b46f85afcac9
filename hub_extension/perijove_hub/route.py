"""A route: one line of the table from which the handlers, the OpenAPI document and ``docs/rest.md`` are made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from perijove.errors import PerijoveError, TooLarge
from perijove_hub.call import Call

_PARAMETER = re.compile(r"\{(\w+)(\*?)\}")

#: The most bytes of a JSON body, unless the route says otherwise.
JSON_LIMIT = 1024 * 1024


class Redirect(NamedTuple):
    """Answer 302 to `url`."""

    url: str


@dataclass(frozen=True)
class Text:
    """Answer a whole document that is not JSON."""

    media_type: str
    body: str | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Stream:
    """Answer bytes as they come; the iterator is closed when the client leaves."""

    media_type: str
    chunks: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Result = BaseModel | list[Any] | Redirect | Text | Stream | None
Operation = Callable[[Call], Awaitable[Result]]


@dataclass(frozen=True)
class Route:
    """One method of one address.

    Attributes
    ----------
    path : str
        Below the prefix, with ``{name}`` for one part and ``{name*}`` for the rest, slashes included.
    scope : str, optional
        ``read``, ``submit``, ``admin`` or ``metrics``; None for what needs no Hub token.
    query : type, optional
        The model of the query string.
    body : type or str, optional
        The model of the JSON body, or the media type of one that is streamed.
    answer : type or str, optional
        The model of the answer (of the items, where `paged`), or its media type; None for 204.
    limit : callable
        Given the service's limits, returns the most bytes of the body.
    idempotent : bool
        Whether a repetition with its Idempotency-Key does nothing again and has the same answer.
    harmless : bool
        Whether a repetition does nothing again without any key, as what is asked for is a state.
    too_large : type
        What a longer body is refused with.
    """

    method: str
    path: str
    operation: Operation
    summary: str
    scope: str | None = "read"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | str | None = None
    answer: type[BaseModel] | str | None = None
    paged: bool = False
    status: int = 200
    errors: tuple[type[PerijoveError], ...] = ()
    idempotent: bool = False
    harmless: bool = False
    limit: Callable[[Any], int] = lambda _: JSON_LIMIT
    too_large: type[PerijoveError] = TooLarge

    def __post_init__(self) -> None:
        """Refuse a POST that a client whose connection broke could not send again."""
        if self.method == "POST" and self.scope is not None and self.idempotent is self.harmless:
            raise ValueError(f"POST {self.path}: say whether it honours Idempotency-Keys or needs none")

    @property
    def parameters(self) -> list[str]:
        """The names in the path, in order."""
        return [name for name, _ in _PARAMETER.findall(self.path)]

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def pattern(self) -> str:
        """The path as a regular expression."""
        pieces = _PARAMETER.split(self.path)
        text = re.escape(pieces[0])
        for name, rest, literal in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            text += f"(?P<{name}>{'.+' if rest else '[^/]+'})" + re.escape(literal)
        return text
