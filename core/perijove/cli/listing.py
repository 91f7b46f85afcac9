"""``ls``, ``show`` and ``compare``: executions in tables."""

from __future__ import annotations

import json
from typing import Any

import click

from perijove.cli.output import ago, emit, length, print_list, status_text, table
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.code import describe_size
from perijove.model.resources import Comparison, Execution, ExecutionDetail, Output
from perijove.model.status import Status


@click.command()
@project_option
@click.option("--owner", metavar="USER", help="Only this person's.")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only those in this status.")
@click.option("--group", metavar="GROUP", help="Only those of this worker group.")
@click.option("--tag", metavar="TAG", help="Only those with this tag.")
@click.option("--search", metavar="TEXT", help="Only those with these words in title, notebook, tags or project.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@printing
@pass_session
def ls(session: Session, /, limit: int, **filters: Any) -> None:
    """List executions, the newest first."""
    found = list(session.client.executions.list(limit=limit, **filters))
    columns = ("EXECUTION", "STATUS", "WHAT", "GROUP", "OWNER", "CREATED", "RAN")
    print_list(session, found, columns, _row, "There are no such executions.")


def _row(execution: Execution) -> tuple[Any, ...]:
    place = f"{execution.project_name}/{execution.number}"
    what, group = execution.spec.heading(), execution.spec.group
    status = status_text(execution.status)
    return place, status, what, group, execution.owner, ago(execution.created_at), length(execution)


@click.command()
@click.argument("execution")
@project_option
@printing
@pass_session
def show(session: Session, execution: str, project: str | None) -> None:
    """Show one EXECUTION: where it stands, what it runs, its attempts and outputs."""
    found = session.client.executions.find(execution, project=project)
    if session.json:
        emit(found)
        return
    facts = [*_facts(found), *_attempts(found)]
    table(("", ""), [(name, value) for name, value in facts if value])
    if outputs := session.client.executions.outputs(found.id):
        click.echo()
        print_outputs(outputs)


def _facts(found: ExecutionDetail) -> list[tuple[str, Any]]:
    spec = found.spec
    return [
        ("execution", f"{found.project_name}/{found.number}  ({found.id})"),
        ("status", status_text(found.status)),
        ("", " ".join(filter(None, (found.sentence, found.detail)))),
        ("hint", found.hint),
        ("runs", spec.notebook.path if spec.notebook else " && ".join(spec.command or ())),
        ("group", spec.group),
        ("image", spec.image or ""),
        ("code", spec.code or ""),
        ("tags", ", ".join(spec.tags)),
        ("parameters", _mapping(spec.parameters)),
        ("metrics", _mapping(found.metadata)),
        ("owner", found.owner),
        ("created", ago(found.created_at)),
        ("ran", length(found)),
        ("address", found.url),
    ]


def _attempts(found: ExecutionDetail) -> list[tuple[str, str]]:
    if len(found.attempts) < 2:  # noqa: PLR2004 - a single attempt is the execution itself
        return []
    return [(f"attempt {one.attempt}", f"{one.reason or 'under way'} on {one.worker or '-'}") for one in found.attempts]


def _mapping(values: dict[str, Any]) -> str:
    return "  ".join(f"{name}={shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:
    """Return a parameter or a metric for a reader."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def print_outputs(outputs: list[Output] | Any, *, err: bool = False) -> None:
    """Print a table of output files."""
    rows = [(item.name, describe_size(item.size), item.media_type) for item in outputs]
    table(("OUTPUT", "SIZE", "TYPE"), rows, err=err)


@click.command()
@click.argument("executions", nargs=-1, required=True, metavar="EXECUTION EXECUTION…")
@project_option
@printing
@pass_session
def compare(session: Session, executions: tuple[str, ...], project: str | None) -> None:
    """Set EXECUTIONs side by side: parameters, metrics and environment that differ."""
    if len(set(executions)) < 2:  # noqa: PLR2004 - it takes two to compare
        raise click.UsageError("Name at least two executions.")
    api = session.client.executions
    comparison = api.compare([api.find(one, project=project).id for one in executions])
    if session.json:
        emit(comparison)
        return
    heads = [f"{one.project_name}/{one.number}" for one in comparison.executions]
    table(("", *heads), _differences(comparison))


def _differences(comparison: Comparison) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [("status", *(status_text(one.status) for one in comparison.executions))]
    rows.append(("ran", *(length(one) for one in comparison.executions)))
    for part in (comparison.parameters, comparison.metadata, comparison.environment):
        for name, values in part.items():
            if part is not comparison.environment or any(value != values[0] for value in values):
                rows.append((name, *("-" if value is None else shown(value) for value in values)))
    return rows
