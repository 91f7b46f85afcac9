"""Signed URLs of the local file store: the master serves what they name, and to nobody else."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from perijove.errors import Forbidden
from perijove.model.events import Verb

_HINT = "Ask for a fresh URL; signed ones are good for a limited time and for one object only."


@dataclass(frozen=True)
class Grant:
    """What a valid signature allows beside the object itself: the name and media type it is shown under."""

    name: str = ""
    media_type: str = ""

    def headers(self) -> dict[str, str]:
        """Return the headers of a GET's answer.

        The file name is encoded as RFC 8187 says, so it cannot end the header. An object is user content, served from
        the Hub's own origin: it is always a download, and browsers must not guess a type for it.
        """
        disposition = f"attachment; filename*=UTF-8''{quote(self.name, safe='')}" if self.name else "attachment"
        return {
            "Content-Type": self.media_type or "application/octet-stream",
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
        }


class Signer:
    """Signs URLs and checks them, with HMAC-SHA256 over everything a URL grants.

    Parameters
    ----------
    key : bytes
        The secret; whoever has it can make URLs.
    base_url : str
        The public address of the service, under which ``files/`` is served.
    clock : callable, optional
        Seconds since the epoch.
    """

    def __init__(self, key: bytes, base_url: str, clock: Callable[[], float] = time.time) -> None:
        if len(key) < hashlib.sha256().digest_size:
            raise ValueError("the signing key must have at least 32 bytes")
        self._key = key
        self._base = base_url.rstrip("/") + "/"
        self._clock = clock

    def sign(self, verb: Verb, key: str, seconds: int, name: str = "", media_type: str = "") -> str:
        """Return a URL that lets its holder do `verb` on `key` for `seconds` seconds."""
        fields = {"verb": verb.value, "expires": str(int(self._clock()) + seconds)}
        if name:
            fields["name"] = name
        if media_type:
            fields["type"] = media_type
        fields["signature"] = self._signature(key, fields)
        return f"{self._base}files/{quote(key)}?{urlencode(fields)}"

    def verify(self, verb: str, key: str, query: Mapping[str, str]) -> Grant:
        """Check the query of a signed URL.

        Parameters
        ----------
        verb : str
            The request's method; HEAD is allowed where GET is.
        key : str
            The object's key: the path after ``files/``, percent-decoded.
        query : mapping
            The query's fields, each once.

        Raises
        ------
        perijove.errors.Forbidden
            The signature is missing, is not ours, is for something else, or has expired.
        """
        given = query.get("signature", "")
        if not hmac.compare_digest(given.encode(), self._signature(key, query).encode()):
            raise Forbidden("This URL's signature is not valid.", _HINT)
        if query.get("verb") != ("GET" if verb == "HEAD" else verb):
            raise Forbidden(f"This URL is not for {verb}.", _HINT)
        if int(query["expires"]) < self._clock():
            raise Forbidden("This URL has expired.", _HINT)
        return Grant(query.get("name", ""), query.get("type", ""))

    def _signature(self, key: str, query: Mapping[str, str]) -> str:
        # JSON keeps the fields apart: no value can be moved from one into the next.
        fields = [query.get(field, "") for field in ("verb", "expires", "name", "type")]
        return hmac.new(self._key, json.dumps([key, *fields]).encode(), hashlib.sha256).hexdigest()
