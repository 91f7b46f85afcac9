"""The top of the command line. Commands are imported when they are used, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from perijove._version import __version__
from perijove.cli.session import Connection, Session
from perijove.streams import make_printable

#: Command: where it is, and its line of help.
COMMANDS: dict[str, tuple[str, str]] = {
    "admin": ("perijove.cli.admin:admin", "Hand over what a Hub user owns."),
    "compare": ("perijove.cli.listing:compare", "Set executions side by side."),
    "delete": ("perijove.cli.control:delete", "Delete executions with their logs and outputs."),
    "events": ("perijove.cli.events:events", "Show what workers said that was not applied."),
    "groups": ("perijove.cli.groups:groups", "List the worker groups you can use."),
    "logs": ("perijove.cli.logs:logs", "Print the log of an execution."),
    "ls": ("perijove.cli.listing:ls", "List executions, the newest first."),
    "notebook": ("perijove.cli.results:notebook", "Download the notebook of an execution."),
    "outputs": ("perijove.cli.results:outputs", "List or download the output files of an execution."),
    "projects": ("perijove.cli.projects:projects", "List and manage projects."),
    "rerun": ("perijove.cli.rerun:rerun", "Run an execution again as a new one."),
    "retention": ("perijove.cli.retention:retention", "Show what the next nightly sweep would remove."),
    "run": ("perijove.cli.run:run", "Run a notebook or a command remotely."),
    "show": ("perijove.cli.listing:show", "Show one execution."),
    "stop": ("perijove.cli.control:stop", "Stop executions."),
    "why": ("perijove.cli.control:why", "Say what an execution waits for."),
}
_INTERRUPTED = 130


class _Commands(click.Group):
    """Imports a command when it is called; lists them from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(COMMANDS.items())])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="EXECUTION is a number (12), project/number (digits/12, ann/digits/12) or an id. "
    "PERIJOVE_URL and PERIJOVE_TOKEN say which service, and as whom. "
    'For completion in bash: eval "$(_PERIJOVE_COMPLETE=bash_source perijove)"; zsh and fish alike.',
)
@click.version_option(__version__, prog_name="perijove")
def root() -> None:
    """Run notebooks on other machines, from here."""


def main(arguments: Sequence[str] | None = None, connection: Connection | None = None) -> int:
    """Run the command line; return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default the process's.
    connection : Connection, optional
        How the service is reached; by default as the environment says.
    """
    make_printable()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "_PERIJOVE_COMPLETE" in os.environ:
        root.main(given, prog_name="perijove")
    session = Session(connection or Connection())
    with session:
        try:
            status = root.main(given, prog_name="perijove", standalone_mode=False, obj=session)
            sys.stdout.flush()
        except (KeyboardInterrupt, click.Abort):
            return _INTERRUPTED
        except BrokenPipeError:
            # The reader left, as `head` does. The interpreter would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:  # noqa: BLE001 - every failure is told in one place
            from perijove.cli.failures import tell  # noqa: PLC0415 - only a failure needs it

            return tell(error, as_json=_wants_json(given))
    return status if isinstance(status, int) else 0


def _wants_json(arguments: list[str]) -> bool:
    """Return whether ``--json`` was given, even if the arguments could not be parsed."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in ours
