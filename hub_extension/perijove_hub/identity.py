"""Who calls: the Hub answers, and is never asked in a way that blocks the event loop."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError, RequestHandler

from perijove.errors import Forbidden, Unauthenticated, Unavailable
from perijove_hub.people import People
from perijove_hub.scopes import METRICS, granted
from perijove_scheduler.services.caller import FORMER, SERVICE, Caller

_SERVER_ERROR = 500


class Identity:
    """Turns a request's token or cookie into a caller.

    Parameters
    ----------
    auth : HubOAuth
        JupyterHub's client for the questions; it remembers answers for `cache_max_age` seconds.
    """

    def __init__(self, auth: HubOAuth) -> None:
        self.auth = auth
        self.people = People(auth, auth.cache_max_age)

    async def of(self, handler: RequestHandler) -> dict[str, Any]:
        """Return the Hub's model of whoever sent this request.

        With an Authorization header the cookie is not looked at, so a request that needs no XSRF token can never be
        carried by a cookie.

        Raises
        ------
        perijove.errors.Unauthenticated
            The token is missing, wrong or expired.
        perijove.errors.Forbidden
            The token is good but may not reach this service.
        perijove.errors.Unavailable
            The Hub does not answer.
        """
        try:
            model = await self._ask(handler)
        except HTTPError as error:
            if error.status_code >= _SERVER_ERROR:
                raise Unavailable("JupyterHub cannot be asked who you are just now.") from error
            raise
        if model is None:
            raise Unauthenticated
        if self.auth.access_scopes and not self.auth.check_scopes(self.auth.access_scopes, model):
            raise Forbidden(
                "This token may not reach Perijove.", "Ask the Hub for a token with the scope access:services."
            )
        return model

    async def created(self, user: str, handler: RequestHandler) -> str | None:
        """Return when the Hub made the account of the user who sent this request; None where it does not say.

        Raises
        ------
        perijove.errors.Unavailable
            The Hub does not answer.
        """
        token = self.auth.get_token(handler) or ""
        return await self.people.created(user, hashlib.sha256(token.encode()).hexdigest())

    async def _ask(self, handler: RequestHandler) -> dict[str, Any] | None:
        if "Authorization" not in handler.request.headers:
            model = await self.auth.get_user(handler, sync=False)
            if model is None and handler.get_secure_cookie(self.auth.cookie_name):
                # JupyterHub only says "nobody" when a good cookie came without its XSRF token; say which it was.
                _check_xsrf(handler)
            return cast("dict[str, Any] | None", model)
        token = self.auth.get_token(handler, in_cookie=False)
        if not token:
            return None
        return cast("dict[str, Any] | None", await self.auth.user_for_token(token, sync=False))


def _check_xsrf(handler: RequestHandler) -> None:
    try:
        handler.check_xsrf_cookie()
    except HTTPError as error:
        raise Forbidden(
            "This request came with a cookie but without its XSRF token.",
            "Send the cookie '_xsrf' in the header X-XSRFToken as well, or a token instead of the cookie.",
        ) from error


def is_user(model: dict[str, Any]) -> bool:
    """Return whether a Hub model describes a user, and not a service."""
    return bool(model.get("kind", "user") == "user")


def caller_of(model: dict[str, Any]) -> Caller:
    """Return the caller a Hub model describes; a Hub service gets a name that no user has.

    Raises
    ------
    perijove.errors.Forbidden
        A user's name looks like that of a service, or of an account that is no more.
    """
    name = model["name"] if is_user(model) else f"{SERVICE}{model['name']}"
    if is_user(model) and name.startswith((SERVICE, FORMER)):
        raise Forbidden(
            f"The Hub user's name '{name}' begins as only names of services and former accounts do here.",
            "Ask your Hub's administrator for another name.",
        )
    return Caller(name, frozenset(model.get("groups") or ()), granted(model.get("scopes") or ()))


def may_scrape(model: dict[str, Any]) -> bool:
    """Return whether this Hub model may read metrics: the Hub's own scope for them, or our administrators'."""
    scopes = model.get("scopes") or ()
    return METRICS in scopes or "admin" in granted(scopes)
