"""``stop``, ``delete`` and ``why``."""

from __future__ import annotations

import click

from perijove.cli.output import emit
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.cli.terminal import safe
from perijove.model.resources import Why
from perijove.model.status import TERMINAL, WAITING

_several = click.argument("executions", nargs=-1, required=True, metavar="EXECUTION…")


@click.command()
@_several
@project_option
@printing
@pass_session
def stop(session: Session, executions: tuple[str, ...], project: str | None) -> None:
    """Stop EXECUTIONs. What runs is interrupted, and its outputs so far are kept."""
    api = session.client.executions
    stopped = [api.stop(api.find(one, project=project).id) for one in executions]
    for execution in stopped:
        session.say(f"Execution {execution.number} is {execution.status}.")
    if session.json:
        emit(stopped)


@click.command()
@_several
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@project_option
@printing
@pass_session
def delete(session: Session, executions: tuple[str, ...], yes: bool, project: str | None) -> None:
    """Delete final EXECUTIONs with their logs and outputs, for good."""
    api = session.client.executions
    found = [api.find(one, project=project) for one in executions]
    names = ", ".join(f"{one.project_name}/{one.number}" for one in found)
    if not yes:
        click.confirm(safe(f"Delete {names} for good?"), abort=True, err=True)
    for one in found:
        api.delete(one.id)
    session.say(f"Deleted {names}.")
    if session.json:
        emit({"deleted": [one.id for one in found]})


@click.command()
@click.argument("execution")
@project_option
@printing
@pass_session
def why(session: Session, execution: str, project: str | None) -> None:
    """Say in a sentence what EXECUTION waits for, or why it ended as it did."""
    found = session.client.executions.find(execution, project=project)
    told = session.client.executions.why(found.id) if found.status in WAITING else None
    if told is None:
        ending = found.detail if found.status in TERMINAL else ""
        told = Why(sentence=" ".join(filter(None, (found.sentence, ending))), hint=found.hint)
    if session.json:
        emit(told)
        return
    click.echo(safe(told.sentence))
    if told.hint:
        session.say(f"Hint: {told.hint}")
