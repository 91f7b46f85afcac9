"""``python -m perijove_agent``: the worker's program."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import click
import psutil

import perijove_agent.lean  # noqa: F401 - before what imports nbformat
from perijove import __version__, errors
from perijove.model.spec import Resources
from perijove.streams import make_printable
from perijove_agent.enrolment import EnrolmentRefused
from perijove_agent.secrecy import is_private
from perijove_agent.service import serve
from perijove_agent.settings import GIB, MIB, Settings


@click.command(context_settings={"auto_envvar_prefix": "PERIJOVE_AGENT", "show_default": True})
@click.option("--url", required=True, help="The service's address, such as https://hub.example/services/perijove/.")
@click.option("--group", required=True, help="The worker group.")
@click.option("--token", help="The group's enrolment token. A file, or PERIJOVE_AGENT_TOKEN, does not show in ps.")
@click.option(
    "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file that holds it."
)
@click.option("--insecure", is_flag=True, help="Send the token over plain HTTP, which others on the network can read.")
@click.option("--worker", help="This worker's id, where the master chose it.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".perijove-agent"),
    help="Holds the spools, the cache and the attempts' folders. One agent uses it at a time.",
)
@click.option("--cpus", type=click.FloatRange(min=0, min_open=True), help="CPUs to offer; default: all.")
@click.option("--memory", type=click.IntRange(min=0), help="MiB of memory to offer; default: all.")
@click.option("--gpus", type=click.IntRange(min=0), default=0, help="GPUs to offer.")
@click.option("--python", "python", default=sys.executable, help="The Python that runs the default kernel.")
@click.option("--warm-kernels", type=click.IntRange(min=0), help="Kernels to keep warm; default: what the group says.")
@click.option("--grace", default=30.0, help="Seconds between the interrupt and the kill of stopped work.")
@click.option("--leave-within", default=5.0, help="Seconds to store and hand back work in, after SIGTERM.")
@click.option("--cache-limit", default=20, help="GiB of fetched code and data to keep.")
@click.option("--input-limit", default=100, help="GiB one input from another server may have.")
@click.option("--spool-room", default=64, help="MiB of an attempt's records that may wait for Redis.")
@click.option("--stream-room", default=24, help="MiB of an attempt's records that may be in Redis.")
@click.option("--segment-size", default=8, help="MiB of records that leave Redis for the object store together.")
@click.option("--orphaned-after", default=3600.0, help="Seconds to idle after a platform that is gone.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.version_option(__version__)
def main(  # noqa: PLR0917 - one parameter an option is click's way
    url: str,
    group: str,
    token: str | None,
    token_file: Path | None,
    insecure: bool,
    worker: str | None,
    data_dir: Path,
    cpus: float | None,
    memory: int | None,
    gpus: int,
    python: str,
    warm_kernels: int | None,
    grace: float,
    leave_within: float,
    cache_limit: int,
    input_limit: int,
    spool_room: int,
    stream_room: int,
    segment_size: int,
    orphaned_after: float,
    log_level: str,
) -> None:
    """Run a Perijove agent: take work of a group, run it on this machine, and report.

    Every option is also an environment variable: PERIJOVE_AGENT_URL, PERIJOVE_AGENT_GROUP, …
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if not insecure and not is_private(url):
        raise click.UsageError(
            f"{url} is neither HTTPS nor on this machine: others could read the enrolment token on its way. "
            "Use the service's https:// address, or --insecure on a network that you trust."
        )
    capacity = Resources(
        cpus=cpus or os.cpu_count() or 1,
        memory=psutil.virtual_memory().total if memory is None else memory * MIB,
        gpus=gpus,
    )
    settings = Settings(
        url=url,
        group=group,
        token=_token(token, token_file),
        data_dir=data_dir,
        capacity=capacity,
        worker=worker,
        python=python,
        grace=grace,
        leave_within=leave_within,
        spool_room=spool_room * MIB,
        stream_room=stream_room * MIB,
        segment_size=segment_size * MIB,
        cache_limit=cache_limit * GIB,
        input_limit=input_limit * GIB,
        orphaned_after=orphaned_after,
        warm_kernels=warm_kernels,
    )
    try:
        asyncio.run(serve(settings))
    except EnrolmentRefused as error:
        _refuse(str(error))
    except errors.Unavailable as error:
        _refuse(f"{error.message} {error.hint}")


def _refuse(why: str) -> NoReturn:
    click.echo(f"perijove-agent: {why}", err=True)
    sys.exit(2)


def _token(token: str | None, token_file: Path | None) -> str:
    """Return the enrolment token; it never reaches the work's environment, which is built from nothing."""
    if token_file is not None:
        token = token_file.read_text("utf-8").strip()
    if not token:
        raise click.UsageError("Give the group's enrolment token: --token-file, or PERIJOVE_AGENT_TOKEN.")
    return token


def run() -> None:
    """Run the program ``perijove-agent``: its options, and what it prints, wherever its streams lead."""
    make_printable()
    main()


if __name__ == "__main__":
    run()
