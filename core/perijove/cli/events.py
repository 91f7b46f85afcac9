"""``events``: what workers said that was not applied."""

from __future__ import annotations

import click

from perijove.cli.output import ago, print_list
from perijove.cli.session import Listing, Session, pass_session, printing
from perijove.model.fleet import RejectedEvent


@click.group(cls=Listing, default="rejected")
@printing
def events() -> None:
    """Show what workers said that was not applied; for administrators."""


@events.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@printing
@pass_session
def rejected(session: Session, limit: int) -> None:
    """List events that could not be read, verified or applied, with the reason."""
    found = list(session.client.rejected_events(limit))
    columns = ("WHEN", "GROUP", "WORKER", "KIND", "EXECUTION", "WHY")
    print_list(session, found, columns, _row, "No event was rejected.")


def _row(event: RejectedEvent) -> tuple[str, ...]:
    of = f"{event.execution}/{event.attempt}" if event.execution else "-"
    return ago(event.rejected_at), event.group, event.worker or "-", event.kind or "-", of, event.why
