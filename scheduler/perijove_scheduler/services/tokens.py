"""Enrolment tokens: made here, shown once, kept as digests."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_BYTES = 32


def new_token() -> str:
    """Return a fresh secret that cannot be guessed."""
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """Return what is kept of a secret. It has too much entropy to be guessed from a fast hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, token_sha256: str) -> bool:
    """Return whether a token is the one of that digest, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(digest(token), token_sha256)
