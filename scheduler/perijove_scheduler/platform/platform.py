"""The platform: what `perijove_hub` serves, and what a program without a Hub could."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from zlib import crc32

import psutil
from traitlets import Bool, CBool, Float, Integer, Unicode, default
from traitlets.config import LoggingConfigurable

from perijove.errors import Unavailable
from perijove.folder_lock import FolderLock
from perijove.model.fleet import GroupSettings
from perijove.model.retention import RetentionSettings
from perijove.model.spec import Resources
from perijove.wire.protocol import LEASE
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.platform.addresses import with_tls
from perijove_scheduler.platform.check_database import check_database
from perijove_scheduler.platform.check_redis import check_redis
from perijove_scheduler.platform.check_settings import SettingsFacts, check_settings
from perijove_scheduler.platform.connections import open_queue, open_store
from perijove_scheduler.platform.findings import Finding, refuse, report
from perijove_scheduler.platform.identity import examine, identify
from perijove_scheduler.platform.keeper import RedisKeeper
from perijove_scheduler.platform.leader import Leader, refuse_double
from perijove_scheduler.platform.loops import Loops, Nights
from perijove_scheduler.platform.relay import Relay
from perijove_scheduler.providers.process import ProcessProvider
from perijove_scheduler.queue.tail_redis import RedisTail
from perijove_scheduler.services import Services
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.tokens import digest, new_token
from perijove_scheduler.store.leadership import Term
from perijove_scheduler.store.store import Store

_log = logging.getLogger("perijove.platform")
_MIB = 1024 * 1024
_FOLDER_HINT = "Stop it, or set Platform.data_dir to a folder of this one's own."
#: Seconds after the hour of the sweep within which it begins.
_JITTER = 1800


class Platform(LoggingConfigurable):
    """The scheduler, put together from its configuration.

    Attributes
    ----------
    store, queue, tail, files, services, leader
        The parts; there once `start` has returned.
    """

    data_dir = Unicode(
        ".perijove", help="The folder for the database, the files, the private Redis and local agents."
    ).tag(config=True)
    database_url = Unicode(
        help="The database: sqlite:///path or postgresql://user:password@host/name. Default: SQLite in data_dir."
    ).tag(config=True)
    migrates = Bool(
        True, help="Whether a start brings the database's schema up to date; if not, `perijove-hub --migrate` does."
    ).tag(config=True)
    redis_url = Unicode(
        help="The Redis (6.2 or later): redis://, rediss:// or unix://, with a user and password. Default: a private "
        "one in data_dir, for workers of this machine."
    ).tag(config=True)
    redis_worker_url = Unicode(
        help="The Redis's address as workers reach it, without a user, where it is not redis_url."
    ).tag(config=True)
    redis_ca_file = Unicode(
        help="The certificate (PEM) of the CA that signed Redis's, for rediss://; workers are given it too."
    ).tag(config=True)
    redis_cert_file = Unicode(help="The service's own certificate (PEM), where Redis wants one.").tag(config=True)
    redis_key_file = Unicode(help="The key of redis_cert_file.").tag(config=True)
    public_url = Unicode(
        "http://127.0.0.1:8000/services/perijove/",
        help="The service's address as workers and users reach it; signed URLs start with it.",
    ).tag(config=True)
    local_url = Unicode(
        help="The service's address as agents of this machine reach it, past any proxy. Default: public_url."
    ).tag(config=True)
    lease = Float(
        LEASE,
        min=3.0,
        help="Seconds a worker may be silent before what it runs goes on elsewhere; it renews six times as often.",
    ).tag(config=True)
    snapshot_limit = Integer(1024, min=1, help="MiB a code snapshot may have.").tag(config=True)
    notebook_limit = Integer(64, min=1, help="MiB a submitted notebook may have.").tag(config=True)
    local_group = Unicode(
        help="The name of the group whose agents run on this machine, as the service's own user and without isolation; "
        "empty for none. Only for people who may read whatever the service may."
    ).tag(config=True)
    local_max_workers = Integer(2, min=0, help="How many local agents there may be.").tag(config=True)
    local_min_workers = Integer(0, min=0, help="How many local agents are kept without any work.").tag(config=True)
    local_grace_period = Integer(60, min=0, help="Seconds an idle local agent is kept.").tag(config=True)
    local_warm_kernels = Integer(1, min=0, help="How many kernels each local agent keeps warm.").tag(config=True)
    local_cpus = Float(min=0.01, help="CPUs of each local agent. Default: an equal share of this machine.").tag(
        config=True
    )
    local_memory = Integer(
        min=0, help="MiB of memory of each local agent; 0: not limited. Default: an equal share of this machine."
    ).tag(config=True)
    files_dir = Unicode(
        help="The folder for notebooks, snapshots, outputs and logs; replicas share one. Default: files in data_dir."
    ).tag(config=True)
    shared_origin = CBool(
        False,
        help="Whether the Hub serves people's own servers under the address that it has itself, without subdomains: "
        "`configure` says so where it is the case.",
    ).tag(config=True)
    replica = Unicode(
        help="This replica's name, among those that share the database; only one may have it. Default: made from the "
        "host's name and data_dir."
    ).tag(config=True)
    keep_logs = Integer(min=0, help="Days the records of an ended execution are kept; 0: for ever.").tag(config=True)
    keep_outputs = Integer(min=0, help="Days the outputs of an ended execution are kept; 0: for ever.").tag(config=True)
    keep_code = Integer(min=0, help="Days a code version that no execution uses is kept; 0: for ever.").tag(config=True)
    keep_executions = Integer(min=0, help="Days an ended execution is kept at all; 0: for ever.").tag(config=True)
    sweep_hour = Integer(
        3, min=0, max=23, help="The hour, by this machine's clock, after which what was kept long enough is removed."
    ).tag(config=True)
    cleanup_on_shutdown = Bool(
        True,
        help="Whether stopping the service ends the local agents, which hand their work back, and the private Redis. "
        "If not, they go on and the next start finds them again, as after a crash.",
    ).tag(config=True)

    @default("local_cpus")
    def _share_of_the_cpus(self) -> float:
        return max(1.0, (os.cpu_count() or 1) // max(self.local_max_workers, 1))

    @default("local_memory")
    def _share_of_the_memory(self) -> int:
        return int(psutil.virtual_memory().total // max(self.local_max_workers, 1) // _MIB)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start everything; what was started is stopped again if something can't be.

        Raises
        ------
        perijove.errors.Unavailable
            The database or Redis can't be reached, or another service runs on the data folder.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Stop everything in the opposite order; harmless to repeat."""
        await self._stack.aclose()

    async def check(self) -> list[Finding]:
        """Look at the settings, the database, the files and Redis without starting anything; return what is wrong."""
        folder = self._folder()
        found = check_settings(self._facts(folder))
        found += await check_database(self._database_url(folder), migrates=self.migrates)
        if not any(finding.fatal for finding in found):
            found += await self._check_identity(folder)
        return found + (await check_redis(self._redis_url()) if self.redis_url else [])

    async def adopt(self) -> None:
        """Let the database take over the files in `files_dir`, or the other way round, after a backup was restored.

        Raises
        ------
        perijove.errors.Unavailable
            Something is wrong with the database, or another service runs on the data folder.
        """
        async with self._store_of_a_stopped_service() as store:
            files = LocalFiles(self._files_dir(self._folder()), bytes(32), self.public_url)
            await identify(store.settings, files)

    async def rotate_keys(self) -> None:
        """Make new keys for signed URLs and for cookies; every replica has to be started again afterwards.

        Raises
        ------
        perijove.errors.Unavailable
            Something is wrong with the database, or a service runs on the data folder.
        """
        async with self._store_of_a_stopped_service() as store:
            for name in ("signing_key", "cookie_secret"):
                await store.settings.put(name, secrets.token_bytes(32))

    @asynccontextmanager
    async def _store_of_a_stopped_service(self) -> AsyncIterator[Store]:
        """Open the database, and keep services from starting on the data folder; refused while one runs there."""
        folder = self._folder()
        lock = _lock_of(folder, patience=0.0)
        await lock.acquire()
        try:
            async with aclosing(await open_store(self._database_url(folder), migrates=self.migrates)) as store:
                yield store
        finally:
            lock.release()

    async def _check_identity(self, folder: Path) -> list[Finding]:
        url = self._database_url(folder)
        store = await Store.open(url)
        try:
            if not await store.has_schema():
                return []  # it will be made; then this database is new
            return await examine(store.settings, LocalFiles(self._files_dir(folder), bytes(32), self.public_url))
        finally:
            await store.aclose()

    def _facts(self, folder: Path) -> SettingsFacts:
        return SettingsFacts(
            public_url=self.public_url,
            files_dir=self._files_dir(folder),
            local_group=self.local_group,
            shared_origin=self.shared_origin,
        )

    def _files_dir(self, folder: Path) -> Path:
        return Path(self.files_dir or folder / "files")

    async def migrate(self) -> None:
        """Bring the database's schema up to date, and do nothing else.

        Raises
        ------
        perijove.errors.Unavailable
            Something is wrong with the database.
        """
        store = await open_store(self._database_url(self._folder()))
        await store.aclose()

    def _database_url(self, folder: Path) -> str:
        return self.database_url or f"sqlite:///{folder / 'perijove.db'}"

    def _redis_url(self) -> str:
        files = (self.redis_ca_file, self.redis_cert_file, self.redis_key_file)
        return with_tls(self.redis_url, *files) if self.redis_url else ""

    async def _start(self) -> None:
        folder = self._folder()
        report(check_settings(self._facts(folder)))
        lock = _lock_of(folder)
        await lock.acquire()
        self._stack.callback(lock.release)
        self.bell = Bell()
        self.store = await open_store(self._database_url(folder), migrates=self.migrates)
        self._stack.push_async_callback(self.store.aclose)
        await self._open_wire(folder)
        key = await self.store.settings.ensure("signing_key", lambda: secrets.token_bytes(32))
        workers = await self.store.settings.ensure("workers_key", lambda: secrets.token_bytes(32))
        self.files = LocalFiles(self._files_dir(folder), key, self.public_url)
        refuse(await examine(self.store.settings, self.files))
        await identify(self.store.settings, self.files)
        parts = (self.store, self.queue, self.tail, self.files, self.bell)
        self.services = Services(*parts, self._limits(), WorkerKeys(workers))
        self._stack.push_async_callback(self.services.aclose)
        await self._lead(folder)
        _log.info("the platform on %s has started", folder)

    @property
    def loops(self) -> Loops | None:
        """The loops of the latest term in which this replica led; None when it never did."""
        return self.leader.loops

    def _folder(self) -> Path:
        folder = Path(self.data_dir).absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be made: {error.strerror}.", "Check Platform.data_dir.") from error
        return folder

    async def _open_wire(self, folder: Path) -> None:
        url = self._redis_url()
        if not url:
            embedded = EmbeddedRedis(folder)
            url = await embedded.start()
            if self.cleanup_on_shutdown:
                self._stack.push_async_callback(embedded.stop)
            keeper = RedisKeeper(self.bell, embedded)
            keeper.start()
            self._stack.push_async_callback(keeper.stop)
        self.queue = await open_queue(url, self.lease, self.redis_worker_url, is_ours=not self.redis_url)
        self._stack.push_async_callback(self.queue.aclose)
        self.tail = RedisTail(url)
        self._stack.push_async_callback(self.tail.aclose)

    def _limits(self) -> Limits:
        return Limits(
            snapshot_limit=self.snapshot_limit * _MIB,
            notebook_limit=self.notebook_limit * _MIB,
            public_url=self.public_url,
            retention=self._retention(),
        )

    def _retention(self) -> RetentionSettings:
        kinds = ("logs", "outputs", "code", "executions")
        return RetentionSettings(**{kind: getattr(self, f"keep_{kind}") or None for kind in kinds})

    async def _ensure_local_group(self) -> None:
        if not self.local_group:
            return
        settings = GroupSettings(
            description="This machine",
            provider="process",
            min_workers=min(self.local_min_workers, self.local_max_workers),
            max_workers=self.local_max_workers,
            grace_period=self.local_grace_period,
            capacity=Resources(cpus=self.local_cpus, memory=self.local_memory * _MIB),
            warm_kernels=self.local_warm_kernels,
        )
        await self.store.groups.ensure(self.local_group, settings, digest(new_token()))

    async def _lead(self, folder: Path) -> None:
        """Lead, unless another replica does; then be ready to."""
        provider = ProcessProvider(parent=self, data_dir=str(folder), url=self.local_url or self.public_url)
        machines = Machines({"process": provider})
        self._stack.push_async_callback(machines.aclose)
        relay = Relay(self.bell, self.queue)
        relay.start()
        self._stack.push_async_callback(relay.aclose)

        async def loops_of(term: Term) -> Loops:
            await self._ensure_local_group()
            store, sign, keys = self.store.fenced(term), self.services.outputs.sign, self.services.worker_keys
            nights = Nights(self._retention(), self.sweep_hour, crc32(str(folder).encode()) % _JITTER)
            return Loops(self.bell, store, self.queue, self.files, machines, sign, keys, nights)

        if self.replica:  # else the name is made from the data folder, of which this service has the lock
            await refuse_double(self.store.leadership, self.replica)
        self.bell.pass_on = relay.pass_on
        self.leader = Leader(self.bell, self.store, relay, self.replica or _name_of(folder), loops_of)
        # The first turn is awaited: who is alone leads once it has started.
        await self.leader.take_turn()
        self.leader.start()
        self._stack.push_async_callback(self.leader.resign, self.cleanup_on_shutdown)


def _name_of(folder: Path) -> str:
    """Return a name that the next start on this folder has too, so that it need not wait for its own lease to end."""
    return f"{socket.gethostname()}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def _lock_of(folder: Path, patience: float = 15.0) -> FolderLock:
    """Return the lock of a data folder; a service that is just ending is waited for."""
    return FolderLock(folder, "service", _FOLDER_HINT, patience)
