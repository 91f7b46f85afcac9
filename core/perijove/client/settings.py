"""Which service a client speaks to, and as whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from perijove.errors import InvalidRequest, Unauthenticated

_SERVICE = "services/perijove/"
_NO_URL_HINT = (
    "Set PERIJOVE_URL to the service's address, such as https://hub.example.org/services/perijove/, "
    "and PERIJOVE_TOKEN to a token of yours from the Hub's token page."
)


@dataclass(frozen=True)
class Settings:
    """The service's base URL with its final slash, a Hub token, and the seconds a single answer may take."""

    url: str
    token: str
    timeout: float = 30.0

    @property
    def api(self) -> str:
        """Where the REST API starts."""
        return f"{self.url}api/v1/"

    @classmethod
    def find(
        cls,
        url: str | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        environment: Mapping[str, str] = os.environ,
    ) -> Settings:
        """Return the settings given, completed from the environment.

        ``PERIJOVE_URL`` and ``PERIJOVE_TOKEN`` come first. Inside a Jupyter server that JupyterHub started, its
        ``JUPYTERHUB_API_TOKEN`` and the Hub's public address serve.

        Raises
        ------
        perijove.errors.InvalidRequest
            There is no address, or it is not one.
        perijove.errors.Unauthenticated
            There is no token.
        """
        url = url or environment.get("PERIJOVE_URL") or _hub_service(environment)
        token = token or environment.get("PERIJOVE_TOKEN") or environment.get("JUPYTERHUB_API_TOKEN")
        if not url:
            raise InvalidRequest("No Perijove service is configured.", _NO_URL_HINT)
        if not token:
            raise Unauthenticated("There is no token to show the Perijove service.", _NO_URL_HINT)
        return cls(_checked_url(url), _checked_token(token), timeout)


def _hub_service(environment: Mapping[str, str]) -> str | None:
    """Return the service's address as a single-user server's environment tells it, if it does."""
    if hub := environment.get("JUPYTERHUB_PUBLIC_HUB_URL"):
        return hub.rstrip("/").removesuffix("/hub") + "/" + _SERVICE
    if host := environment.get("JUPYTERHUB_HOST"):
        return host.rstrip("/") + environment.get("JUPYTERHUB_BASE_URL", "/") + _SERVICE
    return None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isprintable():
        raise InvalidRequest(f"'{url}' is not the address of a Perijove service.", _NO_URL_HINT)
    return url.rstrip("/") + "/"


def _checked_token(token: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Unauthenticated("The token holds characters that no Hub token has.")
    return token
