"""The extension application: its settings, and the handlers it adds to the user's server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int, Unicode, default

from perijove_server.connection import Choice
from perijove_server.handlers import routes
from perijove_server.master import Master
from perijove_server.stored import Credentials, CredentialsFile
from perijove_server.warming import WarmUp


class PerijoveServer(ExtensionApp):
    """Perijove in a Jupyter server: submits, previews, and a same-origin proxy to the master."""

    name = "perijove"
    extension_url = "/perijove/"
    load_other_extensions = True

    url = Unicode(
        help="The master's base URL, such as https://hub.example.org/services/perijove/. "
        "By default PERIJOVE_URL, else the service of the Hub that started this server."
    ).tag(config=True)
    token = Unicode(
        help="The token for the master. By default PERIJOVE_TOKEN, else this server's own Hub token. "
        "It stays on this server and is never sent to the browser."
    ).tag(config=True)
    warm_up_delay = Float(
        3.0,
        help="Seconds after a page first asked for something until what a run needs is imported. "
        "It takes seconds of one CPU, which the first run would else wait for.",
    ).tag(config=True)
    preview_limit = Int(10, help="How many of a snapshot's biggest files a preview names.").tag(config=True)

    @default("url")
    def _url_default(self) -> str:
        return os.environ.get("PERIJOVE_URL", "")

    @default("token")
    def _token_default(self) -> str:
        return os.environ.get("PERIJOVE_TOKEN", "")

    def initialize_settings(self) -> None:
        """Share one connection to the master between all handlers, and one warming up."""
        file = CredentialsFile(Path(self.config_dir) / "perijove.json")
        self.master = Master(Choice(Credentials(self.url, self.token), file))
        self.settings["perijove_master"] = self.master
        self.warm_up = self.settings["perijove_warm_up"] = WarmUp(self.warm_up_delay)
        self.settings["perijove_preview_limit"] = self.preview_limit

    def initialize_handlers(self) -> None:
        """Add the handlers under ``<base_url>/perijove/api/``."""
        self.handlers.extend(routes())

    def current_activity(self) -> dict[str, Any] | None:
        """Tell the culler which event streams somebody is watching; executions themselves outlive this server."""
        watching = self.master.watching
        return {"event_streams": watching} if watching else None

    async def stop_extension(self) -> None:
        """Close the connections to the master."""
        await self.warm_up.aclose()
        await self.master.aclose()
