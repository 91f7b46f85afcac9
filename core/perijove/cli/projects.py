"""``projects``: the projects and who may do what in them."""

from __future__ import annotations

from typing import cast

import click

from perijove.cli.output import ago, emit, print_list, table
from perijove.cli.session import Listing, Session, pass_session, printing
from perijove.client.projects import MemberKind
from perijove.model.resources import Invitation, Project, Role

_kind = click.option("--group", "kind", flag_value="group", help="NAME is a Hub group, not a user.")


@click.group(cls=Listing)
@printing
def projects() -> None:
    """List the projects you can use; create one, and manage its members."""


@projects.command("list")
@printing
@pass_session
def list_(session: Session) -> None:
    """List the projects you can use."""
    found = list(session.client.projects.list())
    columns = ("PROJECT", "YOU ARE", "OWNER", "EXECUTIONS", "CREATED")
    none = "There are no projects yet; your personal one is made with your first execution."
    print_list(session, found, columns, _row, none)


def _row(project: Project) -> tuple[str, ...]:
    return project.name, project.role.value, project.owner, str(project.executions), ago(project.created_at)


@projects.command()
@click.argument("name")
@printing
@pass_session
def create(session: Session, name: str) -> None:
    """Make a project called NAME; you become its admin."""
    made = session.client.projects.create(name)
    session.say(f"Made the project {made.name}.")
    if session.json:
        emit(made)


@projects.group(cls=Listing)
@printing
def invitations() -> None:
    """List the projects you are asked to join; accept or decline."""


@invitations.command("list")
@printing
@pass_session
def list_invitations(session: Session) -> None:
    """List the projects you are asked to join."""
    found = list(session.client.projects.invitations())
    print_list(session, found, ("PROJECT", "YOU WOULD BE", "INVITED BY"), _invitation, "You have no invitations.")


def _invitation(one: Invitation) -> tuple[str, ...]:
    return f"{one.owner}/{one.name}", one.role.value, one.invited_by


@invitations.command()
@click.argument("project")
@printing
@pass_session
def accept(session: Session, project: str) -> None:
    """Join PROJECT, as owner/name or its id."""
    joined = session.client.projects.accept(project)
    session.say(f"You are a {joined.role.value} of {joined.owner}/{joined.name}.")
    if session.json:
        emit(joined)


@invitations.command()
@click.argument("project")
@printing
@pass_session
def decline(session: Session, project: str) -> None:
    """Do not join PROJECT, or leave it."""
    session.client.projects.decline(project)
    session.say(f"You are not a member of {project}.")
    if session.json:
        emit({"declined": project})


@projects.command()
@click.argument("project")
@printing
@pass_session
def members(session: Session, project: str) -> None:
    """List who may use PROJECT."""
    found = session.client.projects.get(project)
    _print_members(session, found)


@projects.command()
@click.argument("project")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="member", show_default=True)
@_kind
@printing
@pass_session
def add(session: Session, project: str, name: str, role: str, kind: str | None) -> None:
    """Invite the Hub user NAME into PROJECT; a Hub group may use it at once."""
    changed = session.client.projects.set_member(project, cast("MemberKind", kind or "user"), name, Role(role))
    _print_members(session, changed)


@projects.command()
@click.argument("project")
@click.argument("name")
@_kind
@printing
@pass_session
def remove(session: Session, project: str, name: str, kind: str | None) -> None:
    """Take NAME's right to use PROJECT away."""
    session.client.projects.remove_member(project, cast("MemberKind", kind or "user"), name)
    _print_members(session, session.client.projects.get(project))


def _print_members(session: Session, project: Project) -> None:
    if session.json:
        emit(project.members)
    else:
        rows = [(one.name, one.kind, one.role.value, "invited" if one.invited else "") for one in project.members]
        table(("MEMBER", "KIND", "ROLE", ""), rows)
