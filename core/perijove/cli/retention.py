"""``retention``: what the nightly sweep would remove."""

from __future__ import annotations

import click

from perijove.cli.output import emit, table
from perijove.cli.session import Session, pass_session, printing
from perijove.code import describe_size
from perijove.model.retention import Removal


@click.command()
@printing
@pass_session
def retention(session: Session) -> None:
    """Show what the next nightly sweep would remove if it ran now; for administrators. It removes nothing."""
    report = session.client.retention()
    if session.json:
        emit(report)
    elif report.removals:
        table(("WHAT", "PROJECT", "COUNT", "SIZE"), map(_row, report.removals))
    else:
        session.say("The next sweep would remove nothing.")


def _row(removal: Removal) -> tuple[str, ...]:
    return removal.kind, removal.project or "-", str(removal.count), describe_size(removal.bytes)
