"""What the Hub says of a user or a group that is not asking: when an account was made, which groups there are.

The service asks with its own token. That takes Hub scopes that `perijove_hub.configure` gives it; where they are
missing the question stays open, and nothing that works without the answer fails. A Hub that does not answer is
another matter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from jupyterhub.services.auth import HubAuth
from jupyterhub.utils import make_ssl_context
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from perijove.errors import Unavailable

_log = logging.getLogger(__name__)
#: How many answers are remembered.
_MOST = 10_000
_TIMEOUT = 10.0
#: Questions under way at once.
_AT_ONCE = 8
_REFUSED = {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}
#: Answers to the question; any other status means that the Hub is not there to answer.
_ANSWERS = {HTTPStatus.OK, HTTPStatus.NOT_FOUND, *_REFUSED}
_AWAY = "JupyterHub cannot be asked who you are just now."


class People:
    """Asks the Hub, and remembers answers.

    Parameters
    ----------
    auth : HubAuth
        Says where the Hub's API is, and holds the service's own token.
    max_age : float
        Seconds for which an answer is remembered.
    """

    def __init__(self, auth: HubAuth, max_age: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._auth = auth
        self._max_age = max_age
        self._clock = clock
        self._asked: dict[str, tuple[float, asyncio.Task[str | None]]] = {}
        self._warned = False

    async def created(self, user: str, token: str = "") -> str | None:
        """Return when the Hub made a user's account; None where the service may not know.

        Parameters
        ----------
        token : str
            What tells the token they came with from others (not its id, which the Hub may give again): an answer is
            remembered for it only, as a new account has new tokens.

        Raises
        ------
        perijove.errors.Unavailable
            The Hub does not answer. That is not remembered: the next request asks again.
        """
        asker = f"{token} {user}"
        expires, task = self._asked.get(asker, (0.0, None))
        if task is None or expires < self._clock():
            if len(self._asked) >= _MOST:
                self._asked.clear()
            task = asyncio.create_task(self._created(user))
            self._asked[asker] = (self._clock() + self._max_age, task)
        # Who leaves does not take the answer from the others.
        try:
            return await asyncio.shield(task)
        except Unavailable:
            if self._asked.get(asker, (0.0, None))[1] is task:
                del self._asked[asker]
            raise

    async def unknown_groups(self, groups: list[str]) -> list[str] | None:
        """Return those of `groups` that the Hub does not have; None where it cannot be asked."""
        turns, names = asyncio.Semaphore(_AT_ONCE), list(dict.fromkeys(groups))

        async def ask(group: str) -> int | None:
            async with turns:
                try:
                    return (await self._ask(f"groups/{quote(group, safe='')}")).code
                except Unavailable:
                    return None

        codes = await asyncio.gather(*map(ask, names))
        if not {None, *_REFUSED}.isdisjoint(codes):
            return None
        return [name for name, code in zip(names, codes, strict=True) if code == HTTPStatus.NOT_FOUND]

    async def _created(self, user: str) -> str | None:
        answer = await self._ask(f"users/{quote(user, safe='')}")
        created: str | None = None
        if answer.code == HTTPStatus.OK:
            try:
                model = json.loads(answer.body)
                created = model.get("created")
            except (ValueError, RecursionError, AttributeError) as error:  # not the Hub's: a proxy's page
                raise Unavailable(_AWAY) from error
        if created is None:
            self._warn()
        return created

    async def _ask(self, path: str) -> HTTPResponse:
        """Return the Hub's answer, which may be that the service must not ask."""
        auth = self._auth
        request = HTTPRequest(
            f"{auth.api_url.rstrip('/')}/{path}",
            headers={"Authorization": f"token {auth.api_token}"},
            request_timeout=_TIMEOUT,
            ssl_options=make_ssl_context(auth.keyfile, auth.certfile, cafile=auth.client_ca) if auth.certfile else None,
        )
        try:
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        except (OSError, HTTPClientError) as error:  # the latter where it answers too late, or only in part
            _log.warning("the Hub cannot be asked about %s: %s", path, error)
            raise Unavailable(_AWAY) from error
        if answer.code not in _ANSWERS:
            _log.warning("the Hub cannot be asked about %s: it answers %d", path, answer.code)
            raise Unavailable(_AWAY)
        return answer

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "the Hub does not say when accounts were made, so a new account of an old name sees what that name "
                "owns: give the service the Hub scopes read:users and read:groups, as perijove_hub.configure does"
            )
