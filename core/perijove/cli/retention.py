"""``retention``: what the nightly sweep would remove."""

from __future__ import annotations

import click

from perijove.cli.output import emit, table
from perijove.cli.session import Session, pass_session, printing
from perijove.code import describe_size
from perijove.model.retention import Removal, RetentionReport


@click.command()
@click.option("--sweep", is_flag=True, help="Remove it now.")
@click.option("-y", "--yes", is_flag=True, help="With --sweep: also where it is most of what there is.")
@printing
@pass_session
def retention(session: Session, sweep: bool, yes: bool) -> None:
    """Show what the next nightly sweep would remove if it ran now; for administrators. Without --sweep nothing is."""
    if yes and not sweep:
        raise click.UsageError("--yes goes with --sweep.")
    report = session.client.sweep(everything=yes) if sweep else session.client.retention()
    if session.json:
        emit(report)
    elif report.removals:
        table(("WHAT", "PROJECT", "COUNT", "SIZE"), map(_row, report.removals))
        _say(session, report, sweep, yes)
    else:
        session.say("There is nothing to remove." if sweep else "The next sweep would remove nothing.")


def _say(session: Session, report: RetentionReport, sweep: bool, yes: bool) -> None:
    if report.withheld and not yes:
        session.say(
            f"Of {', '.join(report.withheld)} this is most of what there is, so it stays. See that the service uses "
            "the right database and files; `perijove retention --sweep --yes` removes it."
        )
    if sweep:
        session.say("The sweep has begun; the service's log says what was removed.")


def _row(removal: Removal) -> tuple[str, ...]:
    return removal.kind, removal.project or "-", str(removal.count), describe_size(removal.bytes)
