"""Notices that the master has given this worker up, so that it does not wait for ever to be let in again."""

from __future__ import annotations

import httpx

from perijove.wire.protocol import RENEWALS_A_LEASE


class Exiled(Exception):
    """This worker is none any more: the master took it for lost, and gave what it held to others."""


class Exile:
    """Counts refused renewals.

    A Redis that was restarted knows nobody until the master tells it, and a master that is away tells it nothing: a
    worker then carries on. It is exiled when its renewals were refused for a whole lease while the master was well.

    Parameters
    ----------
    http : httpx.AsyncClient
        Asks the master how it is.
    url : str
        The service's address.
    """

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._health = f"{url.rstrip('/')}/health"
        self._refusals = 0

    def welcome(self) -> None:
        """Take note of a renewal that was accepted, or of a Redis that is away: nothing is known then."""
        self._refusals = 0

    async def refused(self) -> None:
        """Take note of a renewal that was refused.

        Raises
        ------
        Exiled
            It was one too many.
        """
        self._refusals = self._refusals + 1 if await self._master_is_well() else 0
        if self._refusals > RENEWALS_A_LEASE:
            raise Exiled

    async def _master_is_well(self) -> bool:
        try:
            return (await self._http.get(self._health)).is_success
        except httpx.TransportError:
            return False
