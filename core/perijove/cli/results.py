"""``outputs`` and ``notebook``: what an execution left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from perijove.cli.listing import print_outputs
from perijove.cli.output import emit
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.client.download import free_name
from perijove.errors import UnknownDatum
from perijove.model.resources import Execution, ExecutionDetail, Output

force_option = click.option("--force", is_flag=True, help="Overwrite a file that is there.")


class _Outputs(click.Group):
    """Takes ``outputs EXECUTION`` for ``outputs list EXECUTION``."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Outputs, subcommand_metavar="EXECUTION | get EXECUTION [NAME…]")
@printing
def outputs() -> None:
    """List the output files of an EXECUTION, or get them."""


@outputs.command("list")
@click.argument("execution")
@project_option
@printing
@pass_session
def list_(session: Session, execution: str, project: str | None) -> None:
    """List the output files of EXECUTION."""
    api = session.client.executions
    left_by = api.find(execution, project=project)
    found = api.outputs(left_by.id)
    if session.json:
        emit(found)
    elif found:
        print_outputs(found)
    else:
        session.say("It has no outputs.")
    for sentence in left_out(left_by):
        session.say(sentence)


@outputs.command()
@click.argument("execution")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", help="Into this folder."
)
@force_option
@project_option
@printing
@pass_session
def get(
    session: Session, execution: str, names: tuple[str, ...], folder: Path, project: str | None, force: bool
) -> None:
    """Download outputs of EXECUTION: those called NAME, or all.

    A file that is there already stays as it is: the output gets a name with the execution's number in it.
    """
    api = session.client.executions
    found = api.find(execution, project=project)
    paths = []
    for output in _chosen(found, [*api.outputs(found.id)], names):
        paths.append(api.download(output, folder, number=found.number, force=force))
        session.say(str(paths[-1]))
    if session.json:
        emit({"files": [str(path) for path in paths]})


def left_out(execution: ExecutionDetail) -> Iterator[str]:
    """Iterate over sentences about the files that an execution left and that are not among its outputs."""
    named = execution.left_out_files
    for each in named:
        yield f"Left out: '{each.name}': {each.why}."
    if (more := execution.left_out - len(named)) > 0:
        yield f"{more:,} more files are left out." if named else f"{more:,} files are left out."


def _chosen(execution: Execution, outputs: list[Output], names: tuple[str, ...]) -> list[Output]:
    by_name = {output.name: output for output in outputs}
    for name in names:
        if name not in by_name:
            raise UnknownDatum(
                f"Execution {execution.number} has no output '{name}'.",
                f"It has {', '.join(by_name)}." if by_name else "It has none.",
            )
    return [by_name[name] for name in names] or outputs


@click.command()
@click.argument("execution")
@click.option("--submitted", is_flag=True, help="The notebook as it was submitted, without outputs.")
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@force_option
@project_option
@printing
@pass_session
def notebook(
    session: Session, execution: str, submitted: bool, path: Path | None, project: str | None, force: bool
) -> None:
    """Download the executed notebook of EXECUTION; ``-o -`` prints it."""
    found = session.client.executions.find(execution, project=project)
    content = session.client.executions.notebook(found.id, which="submitted" if submitted else "executed")
    if path is not None and str(path) == "-":
        sys.stdout.buffer.write(content)
        return
    target = path or Path(default_name(found))
    target = target if force else free_name(target, found.number)
    write_whole(target, content)
    session.say(str(target))
    if session.json:
        emit({"files": [str(target)]})


def default_name(execution: Execution) -> str:
    """Return a name for a downloaded notebook that does not overwrite the original: ``train.12.ipynb``."""
    stem = Path(execution.spec.notebook.path).stem if execution.spec.notebook else "execution"
    return f"{stem}.{execution.number}.ipynb"


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
