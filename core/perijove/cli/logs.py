"""``logs``: the log of an execution, so far or as it comes."""

from __future__ import annotations

import codecs

import click

from perijove.cli.follow import follow
from perijove.cli.output import emit
from perijove.cli.screens import PlainLog
from perijove.cli.session import Session, pass_session, printing, project_option
from perijove.model.resources import Execution


@click.command()
@click.argument("execution")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on until it ends; exit as it ended.")
@click.option("--attempt", type=click.IntRange(1), help="This attempt's; by default the last one's.")
@project_option
@printing
@pass_session
def logs(session: Session, execution: str, following: bool, attempt: int | None, project: str | None) -> int:
    """Print the log of EXECUTION."""
    if following and attempt is not None:
        raise click.UsageError("--follow goes with the attempt that runs; leave --attempt out.")
    found = session.client.executions.find(execution, project=project)
    if following:
        return follow(session, found)
    if session.json:
        text = b"".join(session.client.executions.log(found.id, attempt=attempt)).decode(errors="replace")
        emit({"execution": found.id, "log": text})
    else:
        _print(session, found, attempt)
    return 0


def _print(session: Session, execution: Execution, attempt: int | None) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    log = PlainLog()
    for piece in session.client.executions.log(execution.id, attempt=attempt):
        log.write(decoder.decode(piece))
    log.write(decoder.decode(b"", final=True))
    log.close()
