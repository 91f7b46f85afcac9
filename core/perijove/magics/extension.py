"""The magics as IPython knows them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from perijove.magics.failures import plainly
from perijove.magics.options import Options
from perijove.magics.session import Failures, current_number, executed_cells

if TYPE_CHECKING:
    from perijove.client import Client, RemoteExecution
    from perijove.magics.document import RemoteCell

_NAME = "perijove"
_LISTED = 10


def _connect() -> Client:
    from perijove.client import Client  # noqa: PLC0415 - a session that sends nothing need not import it

    return Client()


@magics_class
class RemoteMagics(Magics):
    """``%%remote`` and ``%remote``.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The session.
    connect : callable
        Makes a client of the service.
    """

    def __init__(self, shell: Any, connect: Callable[[], Client] = _connect) -> None:
        super().__init__(shell=shell)
        self._session = shell
        self.failures = Failures(shell)
        self._connect = connect

    @magic_arguments()
    @argument("--group", "-g", help="worker group; by default the only one, else 'local'")
    @argument("--image", "-i", help="container image, where the group runs containers")
    @argument("--in", dest="inputs", metavar="NAMES", action="append", help="variables to send along: a,b")
    @argument("--out", dest="outputs", metavar="NAMES", action="append", help="variables to bring back: c,d")
    @argument("--data", action="store_true", help="bring --out back as JSON, arrays and data frames, without pickle")
    @argument("--limit", help="the time it may take: 90s, 15m, 2h30m")
    @argument("--title", nargs="+", help="what to call the execution")
    @argument("-p", "--parameter", dest="parameters", metavar="NAME=VALUE", action="append", help="a value to set")
    @argument("--detach", action="store_true", help="do not wait; the execution is the cell's value")
    @line_cell_magic
    def remote(self, line: str, cell: str | None = None) -> RemoteExecution | None:
        """Run this cell on a worker group, with the cells it needs and the variables named.

        What it prints and shows appears here as it comes; an exception is raised here. Interrupt to stop it.

        Of one line, ``%remote ls`` lists the last executions, and ``%remote load 12`` brings back the variables of one
        that was detached.
        """
        if cell is None:
            self._line(line)
            return None
        options = Options.read(parse_argstring(self.remote, line))
        if not cell.strip():
            raise UsageError("There is nothing in this cell to run.")
        with plainly():
            return self._run(options, cell)

    def _run(self, options: Options, source: str) -> RemoteExecution | None:
        from perijove.client import RemoteExecution  # noqa: PLC0415
        from perijove.magics.screen import StatusLine  # noqa: PLC0415 - pydantic takes a moment
        from perijove.magics.sending import send  # noqa: PLC0415
        from perijove.magics.watching import name_of  # noqa: PLC0415

        cell, status = self._cell(options, source), StatusLine(self._session)
        client = self._connect()
        try:
            execution = send(client, cell, options, self._session.user_ns, status, current_number(self._session))
            if options.detach:
                status.say(f"{name_of(execution)}: it goes on without this cell.", execution.url)
                return RemoteExecution(client, execution)
            self._watch(client, execution, cell, options, status)
        finally:
            if not options.detach:
                client.close()
        return None

    def _cell(self, options: Options, source: str) -> RemoteCell:
        from perijove.magics.document import remote_cell  # noqa: PLC0415

        number = current_number(self._session)
        cell = remote_cell(number, source, options, executed_cells(self._session, self.failures))
        unsent = sorted(cell.missing & self._session.user_ns.keys() - self._session.user_ns_hidden.keys())
        for name in unsent:
            print(f"{name!r} has a value here, but no cell above defines it: add --in {name} to send it.",
                  file=sys.stderr)  # fmt: skip
        return cell

    def _watch(self, client: Client, execution: Any, cell: RemoteCell, options: Options, status: Any) -> None:
        from perijove.magics.results import bring_back, described  # noqa: PLC0415 - httpx and pydantic take long to import
        from perijove.magics.watching import Watch, name_of  # noqa: PLC0415

        watch = Watch(client, execution, cell, self._session, status)
        done = watch.to_the_end()
        back = ""
        if options.outputs:
            values, size = bring_back(client, client.executions.get(done.id), watch.digest, options.outputs)
            self._session.push(values)
            back = f" {described(values, size)}"
        status.say(f"{name_of(done)}: {done.sentence}{back}", done.url)

    def _line(self, line: str) -> None:
        with plainly():
            match line.split():
                case ["ls"]:
                    self._list()
                case ["load", reference]:
                    self._load(reference)
                case _:
                    raise UsageError("%remote ls, or %remote load NUMBER. A cell that starts with %%remote is sent.")

    def _list(self) -> None:
        with self._connect() as client:
            for seen in client.executions.list(limit=_LISTED):
                print(f"{seen.project_name}/{seen.number:<5} {seen.status:<9} {seen.spec.heading()}")

    def _load(self, reference: str) -> None:
        from perijove.magics.results import bring_back, described, executed_digest  # noqa: PLC0415 - as above

        with self._connect() as client:
            execution = client.executions.find(reference)
            values, size = bring_back(client, execution, lambda: executed_digest(client, execution))
        self._session.push(values)
        print(described(values, size))


def load(shell: Any) -> None:
    """Register the magics; ``%load_ext perijove`` calls this."""
    magics = RemoteMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.failures.note)


def unload(shell: Any) -> None:
    """Take back what `load` registered."""
    magics = shell.magics_manager.registry.pop(RemoteMagics.__name__, None)
    if magics is not None:
        shell.events.unregister("post_run_cell", magics.failures.note)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("remote", None)
