"""The service as a program: configuration, start, and a shutdown that loses nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import secrets
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tornado.web
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from traitlets import Bool, Enum, Float, Integer, Unicode, default
from traitlets.config import Application, Config, Configurable
from traitlets.config.loader import PyFileConfigLoader

from perijove._version import __version__
from perijove.errors import Unavailable
from perijove.patience import ends_within
from perijove_hub import logs, openapi
from perijove_hub.environment import ENVIRONMENT
from perijove_hub.hub import Hub
from perijove_hub.identity import Identity
from perijove_hub.viewers import Viewers
from perijove_hub.web import make_application, make_server
from perijove_scheduler.platform import Platform
from perijove_scheduler.platform.findings import refuse
from perijove_scheduler.providers.process import ProcessProvider

_log = logging.getLogger("perijove_hub")
_CONFIG_FILE = "perijove_config.py"


class PerijoveHub(Application):
    """Perijove's JupyterHub service."""

    name = "perijove-hub"
    version = __version__
    description = "Perijove's JupyterHub service: the REST API, the pages, and the loops that run what people submit."
    classes = [Platform, HubOAuth]
    flags = {
        "check": ({"PerijoveHub": {"check": True}}, "Look at the database and at Redis, say what is wrong, and end."),
        "migrate": ({"PerijoveHub": {"migrate": True}}, "Bring the database's schema up to date, and end."),
        "rotate-keys": (
            {"PerijoveHub": {"rotate_keys": True}},
            "Make new keys for signed URLs and cookies, and end; start every replica again afterwards.",
        ),
        "adopt": ({"PerijoveHub": {"adopt": True}}, "Say that the database and the files belong together, and end."),
    }
    aliases = {"config": "PerijoveHub.config_file", "data-dir": "Platform.data_dir"}

    config_file = Unicode(
        help=f"The configuration file to load; it has to be there. Default: {_CONFIG_FILE}, where there is one."
    ).tag(config=True)
    log_style = Enum(
        sorted(logs.FORMATS), "keyvalue", help="How log lines look: key=value pairs, or one JSON object a line."
    ).tag(config=True)
    service_url = Unicode(help="Where to listen; by default $JUPYTERHUB_SERVICE_URL.").tag(config=True)
    authenticate_prometheus = Bool(
        True, help="Whether metrics need a token with the Hub's scope read:metrics or of our administrators."
    ).tag(config=True)
    identity_max_age = Integer(
        60, min=0, help="Seconds for which the Hub's answer about a token is remembered; a revoked one works that long."
    ).tag(config=True)
    idle_timeout = Float(
        75.0, min=0.1, help="Seconds a connection may take to send a request's head, or stay idle between requests."
    ).tag(config=True)
    slow_timeout = Float(
        60.0, min=0.1, help="Seconds within which a request's body has to get on, by 100 bytes for each second."
    ).tag(config=True)
    recreated_accounts = Enum(
        ["park", "keep"],
        "park",
        help="What becomes of what a name owns when the Hub says that another account has that name now: `park` keeps "
        "it away from the new account, until an administrator hands it over; `keep` leaves it to the name, for the "
        "time after the Hub's database was made anew.",
    ).tag(config=True)
    max_streams = Integer(500, min=1, help="How many executions one user may follow at once.").tag(config=True)
    shutdown_timeout = Float(
        5.0, help="Seconds requests in flight get to end at a shutdown; the Hub kills a service after 20."
    ).tag(config=True)

    check = Bool(help="Whether to only look at the database and at Redis.").tag(config=True)
    migrate = Bool(help="Whether to only bring the database's schema up to date.").tag(config=True)
    rotate_keys = Bool(help="Whether to only make new keys for signed URLs and for cookies.").tag(config=True)
    adopt = Bool(
        help="Whether to only say that the database and files_dir belong together, as after a restored backup."
    ).tag(config=True)

    @default("log_level")
    def _informative(self) -> int:
        return logging.INFO

    @default("service_url")
    def _service_url_from_the_hub(self) -> str:
        return os.environ.get("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:10111/services/perijove/")

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read the command line and the configuration; the command line wins."""
        self.parse_command_line(argv)
        self.load_given()
        logs.set_up(self.log_style, str(self.log_level))

    def load_given(self) -> None:
        """Read the configuration file; what the command line said stays.

        Raises
        ------
        perijove.errors.Unavailable
            One was named that is not there, or one cannot be read: nobody wants the defaults then.
        """
        given = self.cli_config
        named = Path(self.config_file or _CONFIG_FILE)
        if not named.exists():
            if self.config_file:
                hint = "Check PerijoveHub.config_file, or `config_file=` of perijove_hub.configure."
                raise Unavailable(f"There is no configuration file {named}.", hint)
            return
        try:
            # traitlets' own `load_config_file` goes on without a file that is broken.
            found = PyFileConfigLoader(named.name, path=str(named.absolute().parent)).load_config()
        except (Exception, SystemExit) as error:
            # Whatever a file of somebody else's Python raises, and a syntax error above all.
            place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            sentence = f"The configuration file {named}{place} cannot be read: {type(error).__name__}: {error}."
            raise Unavailable(sentence, "Mend it; nothing was started.") from error
        _refuse_unknown(named, found, [type(self), *self.classes, ProcessProvider])
        self.update_config(found)
        self.update_config(given)

    def start(self) -> None:
        """Serve until a signal comes, or do the one thing that was asked for."""
        asyncio.run(self._work()())

    def _work(self) -> Callable[[], Coroutine[Any, Any, None]]:
        """Return what this start is for."""
        asked = (
            (self.check, self._check),
            (self.migrate, self._migrate),
            (self.adopt, self._adopt),
            (self.rotate_keys, self._rotate_keys),
        )
        return next((work for wanted, work in asked if wanted), self.serve)

    async def _check(self) -> None:
        findings = await self._platform().check()
        for finding in findings:
            print(f"{'error' if finding.fatal else 'warning'}: {finding.sentence} {finding.hint}")
        refuse(findings)
        print("The settings, the database, the files and Redis are fit for Perijove.")

    async def _migrate(self) -> None:
        await self._platform().migrate()
        print("The database's schema is up to date.")

    async def _rotate_keys(self) -> None:
        await self._platform().rotate_keys()
        print("There are new keys. Start every replica again; who is signed in signs in anew.")

    async def _adopt(self) -> None:
        await self._platform().adopt()
        print("The database and the files belong together.")

    def _platform(self) -> Platform:
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/perijove/")
        return Platform(parent=self, **self._platform_settings(prefix))

    async def serve(self) -> None:
        """Start the platform and the server, wait for a signal, and stop both in the opposite order."""
        stopping = _signalled()
        prefix = HubOAuth.instance(parent=self).base_url
        platform = Platform(parent=self, **self._platform_settings(prefix))
        hub = self._hub(platform)
        application = make_application(hub, secrets.token_bytes(32))
        server = self._listen(application)
        try:
            await platform.start()
            # All replicas take each other's cookies. Until now every answer was that the service is starting.
            kept = partial(_kept_secret, Path(platform.data_dir) / "cookie_secret")
            application.settings["cookie_secret"] = await platform.store.settings.ensure("cookie_secret", kept)
            hub.started.set()
            _log.info("serving on %s", self.service_url)
            ends: set[asyncio.Task[Any]] = {asyncio.create_task(stopping.wait())}
            if "JUPYTERHUB_SERVICE_NAME" in os.environ:
                ends.add(asyncio.create_task(_orphaned()))
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._close(server, hub)
        finally:
            await platform.stop()
            _log.info("stopped")

    def _platform_settings(self, prefix: str) -> dict[str, str]:
        """Return the platform's traits that the environment or the Hub sets and the configuration does not.

        Local agents come straight to the service: the Hub's proxy knows of it only a while after its start.
        """
        found = {name: os.environ.get(f"PERIJOVE_{name.upper()}", "") for name in ENVIRONMENT}
        found["local_url"] = urlsplit(self.service_url)._replace(path=prefix).geturl()
        return {name: value for name, value in found.items() if value and name not in self.config.Platform}

    def _hub(self, platform: Platform) -> Hub:
        auth = HubOAuth.instance(parent=self)
        if "cache_max_age" not in self.config.HubOAuth:
            auth.cache_max_age = self.identity_max_age
        # A link from elsewhere may open a page; nothing else that another site does carries the cookie.
        auth.cookie_options = {"samesite": "Lax", **auth.cookie_options}
        prefix = auth.base_url
        document = json.dumps(openapi.document(prefix))
        return Hub(
            platform,
            Identity(auth),
            prefix,
            document,
            open_metrics=not self.authenticate_prometheus,
            patience=self.slow_timeout,
            keeps_recreated=self.recreated_accounts == "keep",
            viewers=Viewers(self.max_streams),
        )

    def _listen(self, application: tornado.web.Application) -> HTTPServer:
        _allow_many_connections()
        server = make_server(application, self.idle_timeout)
        address = urlsplit(self.service_url)
        server.listen(address.port or 80, address.hostname or "127.0.0.1")
        return server

    async def _close(self, server: HTTPServer, hub: Hub) -> None:
        """Take no new connections, end event streams so that viewers resume elsewhere, and let the rest finish."""
        server.stop()
        hub.viewers.stop()
        if not await ends_within(hub.requests.none_left(), self.shutdown_timeout):
            _log.warning("some requests did not end in time")
        await server.close_all_connections()


def _refuse_unknown(file: Path, config: Config, classes: Sequence[type[Configurable]]) -> None:
    """Refuse a setting that there is not: with a name that is mistyped, its default would be taken in silence."""
    for each in classes:
        known = each.class_trait_names(config=True)
        for name in config.get(each.__name__, {}):
            if name not in known:
                alike = get_close_matches(name, known, 1)
                hint = f"Is {alike[0]} meant?" if alike else "docs/configuration.md lists the settings."
                raise Unavailable(f"{file} sets {each.__name__}.{name}, which is no setting.", hint)


def _signalled() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets."""
    event = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event


async def _orphaned(every: float = 2.0) -> None:
    """Return when the Hub that started this service is gone.

    A Hub that was killed starts a second service when it returns; two must not run on one data folder. There is no
    portable event for a parent's end, so this polls.
    """
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - see above: there is no event to wait for
        await asyncio.sleep(every)
    _log.warning("the Hub is gone, so this service stops")


def _allow_many_connections() -> None:
    """Take as many file descriptors as this process may have: each viewer holds one, and often only 1,024 are given."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the system allows less than it says, what is given has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _kept_secret(path: Path) -> bytes:
    """Return the key that signs cookies; kept, so that a restart signs nobody out."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
