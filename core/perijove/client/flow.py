"""Flows: what the client does, written once, without doing any I/O itself.

A flow is a generator that yields *steps* (send this request, sleep, …) and is resumed with each step's answer, or with
the exception the step raised. `perijove.client.drivers` performs the steps, in a blocking way or on an event loop, so
`Client` and `AsyncClient` are one implementation. A flow that also yields `Emit` is a stream: its items go to whoever
iterates over it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True)
class FileBody:
    """A request body that is streamed from a file; `sent` is told the number of bytes sent so far."""

    path: Path
    size: int
    sent: Callable[[int], None] = field(default=lambda _count: None)


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes
    ----------
    path : str
        Below ``api/v1/``; an absolute URL is a signed one, which is never sent the token.
    read_timeout : float, optional
        Seconds without a byte after which the connection counts as lost; by default the client's.
    redirects : bool
        Whether a redirection is a good answer; it is never followed by itself.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    file: FileBody | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout: float | None = None
    redirects: bool = False

    @property
    def signed(self) -> bool:
        """Whether this goes to a signed URL."""
        return self.path.startswith(("http://", "https://"))


@dataclass(frozen=True)
class Send:
    """Send a request; the answer is the whole `httpx.Response`."""

    request: Request


@dataclass(frozen=True)
class Open:
    """Send a request; the answer is the `httpx.Response` without its body, which `Read` steps then return."""

    request: Request


@dataclass(frozen=True)
class Read:
    """Return the next bytes of the response opened last; ``b""`` at its end."""


@dataclass(frozen=True)
class Sleep:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Call a function that takes long or reads the disk; on an event loop, in a thread."""

    call: Callable[[], Any]


@dataclass(frozen=True)
class Emit(Generic[Item_co]):
    """Hand an item to the consumer of a stream."""

    item: Item_co


Step = Send | Open | Read | Sleep | Work
#: A conversation that ends in a T.
Flow = Generator[Step, Any, T]
#: A conversation that emits Ts until it ends.
Stream = Generator["Step | Emit[T]", Any, None]
