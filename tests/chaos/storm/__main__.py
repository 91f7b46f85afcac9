"""`make chaos`: the full run, and a table of it for docs/reliability.md."""

from __future__ import annotations

import asyncio
import logging
import random
import sys

import click

from storm.faults import FAULTS
from storm.plan import make_plan
from storm.storm import Outcome, Storm
from storm.world import world

#: Seconds the platform has to clear up behind the last execution; lost records are waited for for sixty leases.
_SETTLING = 600.0
#: Seconds between two works that come in, on average: about what two cores keep up with.
_APART = 0.6


@click.command(context_settings={"show_default": True})
@click.option("--executions", default=1000, help="How many.")
@click.option("--agents", default=4, help="How many machines.")
@click.option("--seed", type=int, help="Repeats a run; by default a new one, which is printed.")
@click.option("--spread", type=float, help="Seconds over which they come in; by default 0.6 for each.")
@click.option("--fault", "faults", multiple=True, type=click.Choice(sorted(FAULTS)), help="Only these; by default all.")
@click.option("--patience", default=7200.0, help="Seconds the whole may take.")
def main(
    executions: int, agents: int, seed: int | None, spread: float | None, faults: tuple[str, ...], patience: float
) -> None:
    """Run executions through faults, and check every promise afterwards."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("httpx", "tornado"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    chosen = faults or tuple(FAULTS)
    spread = _APART * executions if spread is None else spread
    outcome = asyncio.run(_run(executions, agents, seed, spread, chosen, patience))
    _report(seed, agents, outcome)
    sys.exit(1 if outcome.problems else 0)


async def _run(count: int, agents: int, seed: int, spread: float, faults: tuple[str, ...], patience: float) -> Outcome:
    async with world(agents) as platform:
        outcome = await Storm(platform, make_plan(seed, count), seed, faults, spread).run(patience)
        await platform.settle(_SETTLING)
        left = await platform.end()
        outcome.problems = [*outcome.problems, *(f"left behind: {each}" for each in left)]
        platform.keep = platform.keep or bool(left)
    return outcome


def _report(seed: int, agents: int, outcome: Outcome) -> None:
    for problem in outcome.problems:
        click.echo(f"BROKEN: {problem}", err=True)
    for each in outcome.executions:
        if any(each.id in problem for problem in outcome.problems):
            click.echo(f"{each.id}: {each.attempts} {each.outputs}", err=True)
    struck = sum(outcome.struck.values())
    click.echo(
        f"\n| seed | executions | agents | faults | attempts | minutes | promises broken |\n"
        f"| --- | --- | --- | --- | --- | --- | --- |\n"
        f"| {seed} | {len(outcome.executions)} | {agents} | {struck} | {outcome.attempts} "
        f"| {outcome.seconds / 60:.1f} | {len(outcome.problems)} |\n"
    )
    click.echo("| fault | times |\n| --- | --- |")
    for name, times in sorted(outcome.struck.items()):
        click.echo(f"| {name} | {times} |")


if __name__ == "__main__":
    main()
