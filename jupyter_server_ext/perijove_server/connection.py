"""Which master this server speaks to: as it is configured, else as the Hub tells, else as the person said."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from perijove.errors import InvalidRequest, PerijoveError, Unauthenticated
from perijove_server.problems import ADDRESS_HINT, FixedByConfiguration, NotConfigured, NotKept
from perijove_server.stored import Credentials, CredentialsFile

if TYPE_CHECKING:
    from perijove.client.settings import Settings


@dataclass(frozen=True)
class Connection:
    """An address and a token, and whether the configuration (or the Hub) says them, or the person's settings."""

    settings: Settings
    source: Literal["configuration", "settings"]


class Choice:
    """Chooses the connection. An address and a token always come from the same place.

    A token of the Hub's is never shown to an address that a person typed.

    Parameters
    ----------
    configured : Credentials
        What traitlets and ``PERIJOVE_*`` say; either may be empty.
    file : CredentialsFile
        Where what the person says is kept.
    environment : mapping
        Where a Hub tells its address and a token.
    """

    def __init__(
        self, configured: Credentials, file: CredentialsFile, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._configured = configured
        self._file = file
        self._environment = environment

    def find(self) -> Connection:
        """Return the connection to use.

        Raises
        ------
        perijove_server.problems.NotConfigured
            Nothing says it.
        perijove.errors.InvalidRequest, perijove.errors.Unauthenticated
            What is configured is not an address, or lacks a token.
        """
        if configured := self._find_configured():
            return configured
        stored = self._file.load()
        if stored is None:
            raise NotConfigured
        return _of_person(stored)

    def propose(self, url: str, token: str) -> Connection:
        """Return the connection that a person asks for; nothing is kept yet.

        Parameters
        ----------
        token : str
            Empty for the token that is kept for this very address.

        Raises
        ------
        perijove_server.problems.FixedByConfiguration
            The choice is not the person's.
        perijove.errors.InvalidRequest, perijove.errors.Unauthenticated
            It is not an address, or there is no token.
        """
        self._refuse_if_fixed()
        stored = self._file.load()
        if not token and stored is not None and stored.url.rstrip("/") == url.rstrip("/"):
            token = stored.token
        return _of_person(Credentials(url, token))

    def keep(self, connection: Connection) -> None:
        """Use a proposed connection from now on."""
        try:
            self._file.save(Credentials(connection.settings.url, connection.settings.token))
        except OSError as error:
            raise NotKept(f"{self._file.path} cannot be written: {error.strerror}.") from error

    def forget(self) -> None:
        """Forget what the person said."""
        self._refuse_if_fixed()
        self._file.forget()

    def describe(self) -> dict[str, Any]:
        """Return `{url, source, token, editable}`: what a person may see of it. `token` is whether there is one."""
        editable = not self._fixed()
        try:
            found = self.find()
        except PerijoveError:
            return {"url": self._configured.url, "source": None, "token": False, "editable": editable}
        return {"url": found.settings.url, "source": found.source, "token": True, "editable": editable}

    def _find_configured(self) -> Connection | None:
        from perijove.client.settings import Settings  # noqa: PLC0415 - its package imports httpx, which is slow

        url, token = self._configured.url, self._configured.token
        try:
            return Connection(Settings.find(url or None, token or None, environment=self._environment), "configuration")
        except (InvalidRequest, Unauthenticated):
            if url:  # what is configured wrongly is said, not hidden behind something else
                raise
            return None

    def _fixed(self) -> bool:
        try:
            return self._find_configured() is not None
        except PerijoveError:
            return True

    def _refuse_if_fixed(self) -> None:
        if self._fixed():
            raise FixedByConfiguration


def _of_person(said: Credentials) -> Connection:
    from perijove.client.settings import Settings  # noqa: PLC0415 - its package imports httpx, which is slow

    if not said.url.strip():
        raise InvalidRequest("There is no address.", ADDRESS_HINT)
    if not said.token.strip():
        raise Unauthenticated(
            "There is no token.", "Make one on the Hub's token page and give it together with the address."
        )
    try:
        return Connection(Settings.find(said.url.strip(), said.token.strip(), environment={}), "settings")
    except InvalidRequest as error:  # its own hint is for a terminal
        raise InvalidRequest(error.message, ADDRESS_HINT) from None
