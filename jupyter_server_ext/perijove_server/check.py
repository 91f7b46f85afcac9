"""Asking a master once whether it is one, and whether it takes the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perijove.errors import ConnectionLost, NotFound, Unauthenticated
from perijove_server.problems import NotPerijove

if TYPE_CHECKING:
    import httpx

    from perijove.client.settings import Settings
    from perijove.model.resources import Info

#: Seconds an answer may take: a person waits for it.
_PATIENCE = 10.0


async def ask_info(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Info:
    """Return what the master says of itself and of the token's owner, asking once.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport, optional
        What carries the request instead of the network.

    Raises
    ------
    perijove.errors.ConnectionLost
        Nobody answers.
    perijove_server.problems.NotPerijove
        Something else answers.
    perijove.errors.Unauthenticated
        The token is refused.
    """
    import httpx  # noqa: PLC0415 - slow to import

    from perijove.client.problems import lost  # noqa: PLC0415

    headers = {"Authorization": f"token {settings.token}", "Accept": "application/json"}
    async with httpx.AsyncClient(transport=transport, timeout=_PATIENCE) as http:
        try:
            response = await http.get(f"{settings.api}info", headers=headers)
        except httpx.TransportError as error:
            raise ConnectionLost(lost(error).message, "Check the address, and that the Hub is running.") from error
    return _read(settings, response)


def _read(settings: Settings, response: httpx.Response) -> Info:
    from pydantic import ValidationError  # noqa: PLC0415

    from perijove.client.problems import problem  # noqa: PLC0415
    from perijove.model.resources import Info  # noqa: PLC0415

    elsewhere = NotPerijove(f"What answers at {settings.url} is not a Perijove service.")
    if response.has_redirect_location:
        raise elsewhere
    if not response.is_success:
        error = problem(response, response.content)
        if isinstance(error, Unauthenticated):
            hint = "It may have expired or been revoked. Make a new one on the Hub's token page."
            raise Unauthenticated(f"{settings.url} refuses the token.", hint)
        # A Perijove service has `info`: whoever does not know it is something else.
        raise elsewhere if isinstance(error, NotFound) or "is not the Perijove service" in error.message else error
    try:
        return Info.model_validate_json(response.content)
    except ValidationError:
        raise elsewhere from None
