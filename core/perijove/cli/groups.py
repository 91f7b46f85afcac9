"""``groups``: the worker groups."""

from __future__ import annotations

import click

from perijove.cli.output import emit, table
from perijove.cli.session import Session, pass_session, printing
from perijove.code import describe_size
from perijove.model.fleet import Group


@click.command()
@printing
@pass_session
def groups(session: Session) -> None:
    """List the worker groups you can use, with what waits and runs in them."""
    found = list(session.client.groups.list())
    if session.json:
        emit(found)
    elif found:
        table(("GROUP", "RUNTIME", "WORKER", "WORKERS", "RUNNING", "WAITING", "DESCRIPTION"), map(_row, found))
    else:
        session.say("There is no worker group that you can use.")


def _row(group: Group) -> tuple[str, ...]:
    takes = group.capacity
    machine = [f"{takes.cpus:g} CPU"]
    machine += [describe_size(takes.memory)] if takes.memory else []
    machine += [f"{takes.gpus} GPU"] if takes.gpus else []
    workers = f"{group.workers}/{group.max_workers}"
    running, waiting = str(group.running), str(group.waiting)
    return group.name, group.runtime, ", ".join(machine), workers, running, waiting, group.description
