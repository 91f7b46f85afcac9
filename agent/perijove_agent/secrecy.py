"""Whether what an agent sends to an address can be read by others on the way."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_private(url: str) -> bool:
    """Return whether nobody else reads what is sent to `url`: it is encrypted, or does not leave this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an IPv6 address without its closing bracket, for one
        return False
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
