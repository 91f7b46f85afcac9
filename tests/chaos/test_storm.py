"""A storm of every fault on one platform of real processes, as CI runs it; `make chaos` runs longer ones."""

from __future__ import annotations

import pytest
from storm.faults import FAULTS
from storm.plan import GROUP, Work, make_plan
from storm.storm import Storm
from storm.world import World

from perijove.model.reasons import Reason
from perijove.model.spec import Spec

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(2400)]

_EXECUTIONS = 200
#: Seconds over which they come in.
_SPREAD = 90.0
#: Seconds after which no more faults strike, so that a slow machine comes to an end too.
_LASTS = 150.0
#: Seconds: generous, as nothing here is a measurement.
_PATIENCE = 900.0


async def test_nothing_is_lost_or_done_twice_when_every_fault_strikes(
    platform: World, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nA storm over {_EXECUTIONS} executions, PERIJOVE_CHAOS_SEED={seed}:", end=" ", flush=True)
    storm = Storm(platform, make_plan(seed, _EXECUTIONS), seed, tuple(FAULTS), _SPREAD, _LASTS)
    outcome = await storm.run(_PATIENCE)
    with capsys.disabled():
        print(f"{sum(outcome.struck.values())} faults, {outcome.attempts} attempts, {outcome.seconds:.0f} s.", end=" ")
    assert outcome.problems == [], f"PERIJOVE_CHAOS_SEED={seed}"
    assert set(outcome.struck) == set(FAULTS)


async def test_only_infrastructure_failures_use_up_the_retries(platform: World, seed: int) -> None:
    # The parent of a command is the agent that runs it.
    killing, ending = ["kill -9 $PPID"], ["exit 3"]
    poison = Work("poison", Spec(title="poison", command=killing, group=GROUP, retries=1), None, Reason.OK, 0, {})
    failing = Work("failing", Spec(title="failing", command=ending, group=GROUP, retries=9), None, Reason.OK, 0, {})
    plan = [poison, failing]

    async def replace_the_dead() -> list[str]:
        for machine in platform.machines:
            if not machine.agent.running:
                await machine.start()
        return await platform.told(plan)

    for work in plan:
        await platform.submit(work)
    await platform.until(replace_the_dead, "both have ended", _PATIENCE)
    found = {each.title: each for each in await platform.look(plan)}
    assert (found["poison"].status, found["poison"].reason) == ("crashed", "worker_lost")
    assert [each.reason for each in found["poison"].attempts] == ["worker_lost", "worker_lost"]
    assert (found["failing"].status, found["failing"].reason) == ("error", "nonzero_exit")
    # It may have run beside the poison, on the agent that was killed; its own failure is never tried again.
    *lost, last = [each.reason for each in found["failing"].attempts]
    assert last == "nonzero_exit"
    assert set(lost) <= {"worker_lost"}


async def test_no_ticket_lease_process_or_file_is_left_behind(platform: World, seed: int) -> None:
    await platform.settle(_PATIENCE)
    assert await platform.end() == [], f"PERIJOVE_CHAOS_SEED={seed}"
