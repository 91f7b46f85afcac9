"""The Hub scopes Perijove knows, and what a Hub token's scopes allow here."""

from __future__ import annotations

from collections.abc import Iterable

SERVICE = "perijove"
PREFIX = "custom:perijove:"

READ = f"{PREFIX}read"
SUBMIT = f"{PREFIX}submit"
ADMIN = f"{PREFIX}admin"

#: What every user of the Hub gets.
USER_SCOPES = (READ, SUBMIT)

#: What the service itself asks the Hub for: when accounts were made, and which groups there are.
SERVICE_SCOPES = ("read:users", "read:groups")

#: JupyterHub's own scope for Prometheus; it opens our metrics too.
METRICS = "read:metrics"

_IMPLIED = {"admin": {"read", "submit", "admin"}, "submit": {"read", "submit"}, "read": {"read"}}


def access_scope(service: str = SERVICE) -> str:
    """Return the Hub scope without which nobody reaches the service."""
    return f"access:services!service={service}"


def custom_scopes() -> dict[str, dict[str, str | list[str]]]:
    """Return the definitions for ``c.JupyterHub.custom_scopes``; each scope includes the one before it."""
    return {
        READ: {"description": "See your Perijove projects, executions and worker groups"},
        SUBMIT: {"description": "Run and stop work with Perijove", "subscopes": [READ]},
        ADMIN: {"description": "Administer Perijove: worker groups and everybody's projects", "subscopes": [SUBMIT]},
    }


def granted(hub_scopes: Iterable[str]) -> frozenset[str]:
    """Return which of ``read``, ``submit`` and ``admin`` a token's Hub scopes allow.

    The Hub expands sub-scopes itself; they are implied here as well, so that a filtered or older token model reads the
    same.
    """
    names = {scope[len(PREFIX) :] for scope in hub_scopes if scope.startswith(PREFIX)}
    return frozenset(implied for name in names for implied in _IMPLIED.get(name, ()))
