"""``groups``: the worker groups."""

from __future__ import annotations

import click

from perijove.cli.output import ago, emit, print_list
from perijove.cli.parameters import seconds
from perijove.cli.session import Listing, Session, pass_session, printing
from perijove.code import describe_size
from perijove.model.fleet import Group, Worker

_COLUMNS = ("GROUP", "RUNTIME", "ISOLATION", "WORKER", "WORKERS", "RUNNING", "WAITING", "DESCRIPTION")


@click.group(cls=Listing)
@printing
def groups() -> None:
    """List the worker groups you can use, with what waits and runs in them; manage their workers."""


@groups.command("list")
@printing
@pass_session
def list_(session: Session) -> None:
    """List the worker groups you can use, with what waits and runs in them."""
    found = list(session.client.groups.list())
    print_list(session, found, _COLUMNS, _row, "There is no worker group that you can use.")


@groups.command()
@click.argument("group")
@printing
@pass_session
def workers(session: Session, group: str) -> None:
    """List the workers of GROUP. One that is unreachable has enrolled, and cannot reach Redis."""
    found = session.client.groups.workers(group)
    columns = ("WORKER", "STATE", "HOST", "VERSION", "ENROLLED", "SEEN", "RUNS")
    print_list(session, found, columns, _worker, f"{group} has no workers.")


@groups.command()
@click.argument("group")
@click.option("--uses", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many agents may enrol.")
@click.option("--hours", "expires_in", type=click.FloatRange(0, 24 * 366, min_open=True), callback=seconds,
              default=24.0, show_default=True, help="For how long.")  # fmt: skip
@printing
@pass_session
def token(session: Session, group: str, uses: int, expires_in: int) -> None:
    """Make an enrolment token for agents of GROUP that is used up, and expires; for administrators."""
    made = session.client.groups.limited_token(group, uses, expires_in)
    if session.json:
        emit(made)
    else:
        click.echo(made.token)


@groups.command()
@click.argument("group")
@click.argument("worker")
@printing
@pass_session
def evict(session: Session, group: str, worker: str) -> None:
    """Put WORKER out of GROUP at once: its rights end, and what it runs goes on elsewhere; for administrators."""
    session.client.groups.evict(group, worker)
    session.say(f"{worker} is out. If it knows the group's own token, replace that too, or it can enrol again.")


def _worker(worker: Worker) -> tuple[str, ...]:
    enrolled, seen = (ago(when) if when else "-" for when in (worker.enrolled_at, worker.seen_at))
    return worker.id, worker.state.value, worker.host, worker.version, enrolled, seen, str(len(worker.executions))


def _row(group: Group) -> tuple[str, ...]:
    takes = group.capacity
    machine = [f"{takes.cpus:g} CPU"]
    machine += [describe_size(takes.memory)] if takes.memory else []
    machine += [f"{takes.gpus} GPU"] if takes.gpus else []
    workers = f"{group.workers}/{group.max_workers}"
    running, waiting = str(group.running), str(group.waiting)
    return group.name, group.runtime, group.isolation, ", ".join(machine), workers, running, waiting, group.description
