"""The two clients: `Client` blocks, `AsyncClient` is awaited; they offer the same methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType

import httpx
from typing_extensions import Self

from perijove.client.accounts import Accounts
from perijove.client.api import Api, Driver, endpoint, fetch, pages, stream
from perijove.client.code import CodeVersions
from perijove.client.drivers import AsyncDriver, SyncDriver
from perijove.client.executions import Executions
from perijove.client.flow import Flow, Request, Stream
from perijove.client.groups import Groups
from perijove.client.projects import Projects
from perijove.client.recall import Recall
from perijove.client.settings import Settings
from perijove.client.submit import Report, Submission, silent, submit
from perijove.model.fleet import RejectedEvent
from perijove.model.resources import Execution, Info, Page
from perijove.model.retention import RetentionReport, SweepRequest


class _Perijove(Api[Driver]):
    """The REST API: its parts, and what belongs to none of them."""

    def __init__(self, settings: Settings, driver: Driver) -> None:
        super().__init__(driver)
        self.settings = settings
        self.projects: Projects[Driver] = Projects(driver)
        self.executions: Executions[Driver] = Executions(driver)
        self.code: CodeVersions[Driver] = CodeVersions(driver)
        self.accounts: Accounts[Driver] = Accounts(driver)
        self.groups: Groups[Driver] = Groups(driver)
        self._recall = Recall()

    @endpoint
    def info(self) -> Flow[Info]:
        """Return what the service says of itself and of the caller."""
        return fetch(Info, Request("GET", "info"))

    @endpoint
    def retention(self) -> Flow[RetentionReport]:
        """Return what the next nightly sweep would remove if it ran now; takes an administrator."""
        return fetch(RetentionReport, Request("GET", "retention"))

    @stream
    def rejected_events(self, limit: int | None = None) -> Stream[RejectedEvent]:
        """Iterate over workers' events that were not applied, the latest first; takes an administrator."""
        return pages(Page[RejectedEvent], "events/rejected", {}, limit)

    @endpoint
    def sweep(self, *, everything: bool = False) -> Flow[RetentionReport]:
        """Let the platform remove now what has been kept for long enough; takes an administrator.

        Parameters
        ----------
        everything : bool
            Also what would be withheld, as it is most of what there is of its kind.
        """
        body = SweepRequest(all=everything).model_dump(mode="json")
        return fetch(RetentionReport, Request("POST", "retention/sweep", json=body))

    @endpoint
    def submit(self, submission: Submission, report: Report = silent) -> Flow[Execution]:
        """Snapshot, convert and send a piece of work; see `perijove.client.submit`."""
        return submit(submission, report, self._recall)


class Client(_Perijove[SyncDriver]):
    """A blocking client of one Perijove service.

    Parameters
    ----------
    url : str, optional
        The service's base, such as ``https://hub.example.org/services/perijove/``; by default ``PERIJOVE_URL``.
    token : str, optional
        A Hub token; by default ``PERIJOVE_TOKEN``, or inside a Jupyter server the Hub's own.
    timeout : float
        Seconds a connection or an answer may take.
    transport : httpx.BaseTransport, optional
        What carries the requests instead of the network.

    Raises
    ------
    perijove.errors.InvalidRequest
        There is no address, or it is not one.
    perijove.errors.Unauthenticated
        There is no token.

    Examples
    --------
    >>> with Client() as client:  # doctest: +SKIP
    ...     for execution in client.executions.list(limit=10):
    ...         print(execution.number, execution.status)
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        settings = Settings.find(url, token, timeout)
        super().__init__(settings, SyncDriver(settings, transport, **({"sleep": sleep} if sleep else {})))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Perijove[AsyncDriver]):
    """A client of one Perijove service for an event loop; the other parameters are `Client`'s.

    Parameters
    ----------
    connections : int, optional
        How many connections there may be at a time; each stream of events holds one. None for any number.

    Examples
    --------
    >>> async with AsyncClient() as client:  # doctest: +SKIP
    ...     async for event in client.executions.events(execution):
    ...         print(event)
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        connections: int | None = 100,
    ) -> None:
        settings = Settings.find(url, token, timeout)
        driver = AsyncDriver(settings, transport, connections=connections, **({"sleep": sleep} if sleep else {}))
        super().__init__(settings, driver)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
