"""``run``: a notebook, or a command after ``--``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click

from perijove.cli import parameters as read
from perijove.cli.follow import follow
from perijove.cli.output import emit
from perijove.cli.sending import Sending
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.client import Submission
from perijove.client.bodies import checked
from perijove.model.spec import Resources

_PLACEHOLDER = re.compile(r"^\{parameters?(:[A-Za-z_][\w.-]*)?\}$")
_COMMAND = "perijove.command"


class _Run(click.Command):
    """Keeps what follows ``--`` as the command, untouched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            cut = args.index("--")
            ctx.meta[_COMMAND] = args[cut + 1 :]
            args = args[:cut]
        return super().parse_args(ctx, args)


def shell_line(words: list[str]) -> str:
    """Return one shell line for the words of a command; a single word is a line already.

    ``{parameters}`` stays unquoted, as what replaces it is several words.
    """
    if len(words) == 1:
        return words[0]
    return " ".join(word if _PLACEHOLDER.match(word) else shlex.quote(word) for word in words)


@click.command(cls=_Run, options_metavar="[OPTIONS]", short_help="Run a notebook or a command remotely.")
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="PATH | -- CMD…")
@click.option("--cells", metavar="SEL", help="Only these cells: positions and ranges (4, 2-5,9) or cell ids.")
@click.option(
    "--context",
    type=click.Choice(["only", "needed", "above"]),
    default="needed",
    show_default=True,
    help="What goes along with them: nothing, what they need, or all above.",
)
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter.")
@click.option("-f", "--parameters", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="Set parameters from a YAML or JSON file.")  # fmt: skip
@click.option("--group", metavar="NAME", help="The worker group; by default the only one, else local.")
@click.option("--image", metavar="IMAGE", help="The container image.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=URI", help="An input; again for more files.")
@click.option("--title", default="", metavar="TEXT", help="What to call it.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; again for more.")
@click.option("--time-limit", metavar="TIME", help="The most it may take, such as 90s or 2h30m.")
@click.option("--no-output-timeout", metavar="TIME", help="The longest it may be silent.")
@click.option("-e", "--environment", multiple=True, metavar="NAME=VALUE", help="An environment variable.")
@click.option("--cpus", type=float, help="CPUs it takes; may be a fraction.")
@click.option("--memory", callback=read.memory, metavar="SIZE", help="Memory it takes, such as 4G.")
@click.option("--gpus", type=int, help="GPUs it takes.")
@click.option("--root", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="The folder that goes along; by default the nearest with .git, valohai.yaml or .perijoveignore.",
              )  # fmt: skip
@click.option("--detach", is_flag=True, help="Submit it, and leave it.")
@click.option("-o", "--output", "notebook", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the executed notebook here.")  # fmt: skip
@project_option
@printing
@pass_session
@click.pass_context
def run(
    context: click.Context, session: Session, /, path: Path | None, detach: bool, notebook: Path | None, **options: Any
) -> int:
    """Run the notebook PATH, or a command, on a worker group.

    The project folder goes along as a snapshot. The log is shown as it comes; Ctrl-C leaves it running.

    \b
    perijove run train.ipynb -p epochs=5
    perijove run -- python train.py {parameters}
    """  # noqa: D301 - a real backspace: click's mark for "do not wrap"
    command = context.meta.get(_COMMAND)
    if (path is None) == (not command):
        raise click.UsageError("Give a notebook, or a command after '--'; one of the two.")
    if detach and notebook is not None:
        raise click.UsageError("--output waits for the end, and --detach does not.")
    with Sending(session) as sending:
        execution = session.client.submit(_submission(path, command, options), sending)
    session.say(f"Execution {execution.project_name}/{execution.number}: {execution.url}")
    if not detach:
        return follow(session, execution, notebook)
    if session.json:
        emit(execution)
    elif session.quiet:
        click.echo(f"{execution.project_name}/{execution.number}")
    return 0


def _submission(path: Path | None, command: list[str] | None, options: dict[str, Any]) -> Submission:
    takes = {name: value for name in ("cpus", "memory", "gpus") if (value := options.pop(name)) is not None}
    return Submission(
        path=path,
        command=[shell_line(command)] if command else (),
        parameters=read.from_file(options.pop("file")),
        typed=dict(read.pairs(options.pop("given"), "-p")),
        inputs=read.inputs(options.pop("inputs")),
        environment=dict(read.pairs(options.pop("environment"), "-e")),
        resources=checked(Resources, **takes),
        **options,
    )
