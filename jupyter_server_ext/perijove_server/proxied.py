"""What of the master's surface a page may reach, and what of a request and of an answer is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from perijove.errors import NotFound
from perijove.patterns import is_id

#: What a page may read and write. Everything else of the master's surface has no business in a browser of this server.
_READS = frozenset({"info", "projects", "executions", "groups", "code"})
_WRITES = frozenset({"projects", "executions"})
#: What follows ``executions`` beside an id.
_OF_MANY = frozenset({"batch", "compare", "stop"})
#: Headers of a request that the master, or the object store behind it, shall see.
_ASKED = ("Accept", "Content-Type", "Idempotency-Key", "If-Modified-Since", "If-None-Match", "If-Range", "Range")
#: Headers of an answer that the page shall see. Cookies and what belongs to one connection stay here.
_TOLD = (
    "Accept-Ranges",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Retry-After",
)


@dataclass(frozen=True)
class Proxied:
    """One request to pass on.

    Attributes
    ----------
    address : str
        Below ``api/v1/``, quoted, with its query.
    stored : bool
        The answer is a stored object: the master redirects to it, and the redirection is followed here.
    """

    method: str
    address: str
    body: bytes
    headers: dict[str, str]
    stored: bool


def proxied(method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> Proxied:
    """Return the request to pass on.

    Parameters
    ----------
    path : str
        What follows ``master/``, unquoted.
    query : str
        The query as it came.

    Raises
    ------
    perijove.errors.NotFound
        A page may not reach that.
    """
    parts = path.split("/")
    if parts[0] not in (_READS if method == "GET" else _WRITES) or any(part in {"", ".", ".."} for part in parts):
        raise NotFound
    if parts[0] == "executions" and len(parts) > 1 and parts[1] not in _OF_MANY and not is_id(parts[1]):
        raise NotFound("This is not the id of an execution.")
    if parts[0] == "executions" and parts[2:] == ["events"]:
        raise NotFound("Events are told by the feed.")
    address = "/".join(quote(part, safe="") for part in parts) + (f"?{query}" if query else "")
    return Proxied(method, address, body, _chosen(headers, _ASKED), method == "GET" and _is_stored(parts))


def answered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that go to the page."""
    told = _chosen(headers, _TOLD)
    # What an execution wrote may be a page with scripts: it must not act in this server's name.
    return {**told, "Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}


def _chosen(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def _is_stored(parts: list[str]) -> bool:
    match parts:
        case ["executions", _, "notebook"] | ["code", _, "archive"]:
            return True
        case ["executions", _, "outputs", _, *_] | ["executions", _, "payloads", _]:
            return True
    return False
