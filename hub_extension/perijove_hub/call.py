"""One request, parsed: what an operation gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPHeaders

from perijove_hub.hub import Hub
from perijove_scheduler.documents import Document
from perijove_scheduler.services import Services
from perijove_scheduler.services.caller import Caller


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes
    ----------
    hub : Hub
        What the service is made of.
    path : mapping
        The path's parameters, decoded.
    query, body : Any
        Instances of the route's models; `body` is None where there is none.
    document : Document, optional
        The notebook that came in the body; the model lacks it.
    upload : async iterator of bytes
        The body of a route that streams it.
    length : int, optional
        What Content-Length says.
    signer : Caller, optional
        Whoever the Hub says calls; None on routes without a scope.
    """

    hub: Hub
    method: str
    uri: str
    headers: HTTPHeaders
    path: Mapping[str, str]
    query: Any
    body: Any
    upload: AsyncIterator[bytes]
    length: int | None
    signer: Caller | None
    document: Document | None = None

    @property
    def services(self) -> Services:
        """The domain services."""
        return self.hub.platform.services

    @property
    def caller(self) -> Caller:
        """Who calls; only routes with a scope have one."""
        if self.signer is None:
            raise LookupError("a route without a scope has no caller")
        return self.signer

    @property
    def key(self) -> str | None:
        """The Idempotency-Key, also an empty one, which is none that there may be."""
        return self.headers.get("Idempotency-Key")
