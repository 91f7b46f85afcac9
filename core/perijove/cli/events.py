"""``events``: what workers said that was not applied."""

from __future__ import annotations

from itertools import islice

import click

from perijove.cli.output import ago, emit, table
from perijove.cli.session import Session, pass_session, printing
from perijove.model.fleet import RejectedEvent


@click.group(invoke_without_command=True)
@printing
@click.pass_context
def events(context: click.Context) -> None:
    """Show what workers said that was not applied; for administrators."""
    if context.invoked_subcommand is None:
        context.invoke(rejected)


@events.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@printing
@pass_session
def rejected(session: Session, limit: int) -> None:
    """List events that could not be read, verified or applied, with the reason."""
    found = list(islice(session.client.rejected_events(), limit))
    if session.json:
        emit(found)
    elif found:
        table(("WHEN", "GROUP", "WORKER", "KIND", "EXECUTION", "WHY"), map(_row, found))
    else:
        session.say("No event was rejected.")


def _row(event: RejectedEvent) -> tuple[str, ...]:
    of = f"{event.execution}/{event.attempt}" if event.execution else "-"
    return ago(event.rejected_at), event.group, event.worker or "-", event.kind or "-", of, event.why
