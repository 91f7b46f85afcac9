"""What the commands of one call share: the connection, and how to print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import click
from typing_extensions import Self

from perijove.cli.terminal import safe

if TYPE_CHECKING:
    import httpx

    from perijove.client import AsyncClient, Client

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Connection:
    """How the service is reached; by default over the network, as the environment says."""

    transport: httpx.BaseTransport | None = None
    async_transport: httpx.AsyncBaseTransport | None = None

    def client(self) -> Client:
        """Return a blocking client."""
        from perijove.client import Client  # noqa: PLC0415 - heavy; help and completion do without

        return Client(transport=self.transport)

    def async_client(self) -> AsyncClient:
        """Return a client for the event loop."""
        from perijove.client import AsyncClient  # noqa: PLC0415 - as above

        return AsyncClient(transport=self.async_transport)


@dataclass
class Session:
    """One call of the command line."""

    connection: Connection
    json: bool = False
    quiet: bool = False
    _open: list[Client] = field(default_factory=list)

    @cached_property
    def client(self) -> Client:
        """The blocking client, made when it is first needed."""
        client = self.connection.client()
        self._open.append(client)
        return client

    def say(self, text: str) -> None:
        """Tell the person something, on standard error, unless they want quiet or JSON."""
        if not (self.quiet or self.json):
            click.echo(safe(text), err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._open:
            client.close()


class Listing(click.Group):
    """Runs one of its commands, ``list`` by default, where none is named."""

    def __init__(self, *, default: str = "list", **attributes: Any) -> None:
        super().__init__(**attributes, invoke_without_command=True)
        self._default = default

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, else the default one."""
        result = super().invoke(ctx)
        return result if ctx.invoked_subcommand else ctx.invoke(self.commands[self._default])


pass_session = click.make_pass_decorator(Session)


def _set(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and parameter.name:
        setattr(context.find_object(Session), parameter.name, True)


def printing(command: F) -> F:
    """Add ``--json`` and ``--quiet``, which every command takes."""
    for names, text in (
        (("-q", "--quiet"), "Print only what was asked for."),
        (("--json",), "Print JSON, for programs."),
    ):
        command = click.option(*names, is_flag=True, expose_value=False, callback=_set, help=text)(command)
    return command


project_option = click.option("--project", metavar="[OWNER/]NAME", help="The project; by default your personal one.")
