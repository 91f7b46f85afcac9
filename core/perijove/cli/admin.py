"""``admin``: what belongs to people's Hub accounts; it takes an administrator."""

from __future__ import annotations

import click

from perijove.cli.output import ago, emit, print_list
from perijove.cli.session import Session, pass_session, printing
from perijove.model.resources import AuditEntry


@click.group()
@printing
def admin() -> None:
    """Hand over what a Hub user owns, and see what was handed over."""


@admin.command("hand-over")
@click.argument("old")
@click.argument("new")
@printing
@pass_session
def hand_over(session: Session, old: str, new: str) -> None:
    """Give everything that the Hub user OLD owns to NEW: after a renaming, or when somebody leaves."""
    entry = session.client.accounts.hand_over(old, new)
    moved = ", ".join(f"{count} {what}" for what, count in entry.detail.items())
    session.say(f"{new} has what belonged to {old}: {moved}.")
    if session.json:
        emit(entry)


@admin.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@printing
@pass_session
def audit(session: Session, limit: int) -> None:
    """List what was handed over, or kept away from a new account of an old name."""
    found = list(session.client.accounts.audit(limit))
    print_list(session, found, ("WHEN", "WHO", "WHAT", "FROM", "TO"), _row, "Nothing was handed over yet.")


def _row(entry: AuditEntry) -> tuple[str, ...]:
    return ago(entry.at), entry.actor, entry.action, entry.source, entry.target
