"""Whether the master can be reached, as whom, and which one it is."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from perijove._version import __version__
from perijove.errors import InvalidRequest, PerijoveError
from perijove_server.handlers.base import Handler


class StatusHandler(Handler):
    """GET status: this extension's version, and what the master says of the caller, or what is wrong."""

    # A page asks by itself: that is no sign of a person.
    _track_activity = False

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer `{version, connected, info | error}`."""
        self.settings["perijove_warm_up"].begin()
        try:
            info = await self.master.info()
        except PerijoveError as error:
            self.finish({"version": __version__, "connected": False, **error.as_json()})
        else:
            self.finish({"version": __version__, "connected": True, "info": info.model_dump(mode="json")})


class SettingsHandler(Handler):
    """The master's address and token, where the configuration leaves them to the person. The token is never told."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer `{url, source, token, editable}`; `token` is whether there is one."""
        self.finish(await self.master.describe())

    @authenticated
    @authorized
    async def put(self) -> None:
        """Take `{url, token}`, if a Perijove service answers there and accepts the token."""
        url, token = _text(self.body(), "url"), _text(self.body(), "token")
        info = await self.master.use(url, token)
        self.finish({**await self.master.describe(), "info": info.model_dump(mode="json")})

    @authenticated
    @authorized
    async def delete(self) -> None:
        """Forget both."""
        await self.master.forget()
        self.finish(await self.master.describe())


def _text(body: dict[str, Any], field: str) -> str:
    value = body.get(field, "")
    if not isinstance(value, str):
        raise InvalidRequest(f"The field '{field}' is not text.")
    return value
