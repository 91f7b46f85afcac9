"""``rerun``: an execution again, as a new one."""

from __future__ import annotations

from pathlib import Path

import click

from perijove.cli import parameters as read
from perijove.cli.follow import follow
from perijove.cli.output import emit
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.client.typed import value_of


@click.command()
@click.argument("execution")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter differently.")
@click.option("-f", "--parameters", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="Set parameters from a YAML or JSON file.")  # fmt: skip
@click.option("--title", metavar="TEXT", help="Call it differently.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag it differently; again for more.")
@click.option("--group", metavar="NAME", help="Run it on another worker group.")
@click.option("--detach", is_flag=True, help="Submit it, and leave it.")
@project_option
@printing
@pass_session
def rerun(
    session: Session,
    execution: str,
    given: tuple[str, ...],
    file: Path | None,
    title: str | None,
    tags: tuple[str, ...],
    group: str | None,
    detach: bool,
    project: str | None,
) -> int:
    """Run EXECUTION again: the same code and notebook, and what you change."""
    api = session.client.executions
    original = api.find(execution, project=project)
    typed = {name: value_of(text) for name, text in read.pairs(given, "-p")}
    values = {**read.from_file(file), **typed}
    copied = api.copy(original.id, parameters=values, title=title, tags=tags or None, group=group)
    session.say(f"Execution {copied.project_name}/{copied.number}: {copied.url}")
    if not detach:
        return follow(session, copied)
    if session.json:
        emit(copied)
    elif session.quiet:
        click.echo(f"{copied.project_name}/{copied.number}")
    return 0
