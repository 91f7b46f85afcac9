"""What a program leaves behind takes up no process ids once it has ended."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from waiting import until

from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.runtime.protocol import Launch


async def test_orphans_that_have_ended_are_gone_while_their_program_still_runs(tmp_path: Path) -> None:
    runtime = ProcessRuntime(sys.executable, Guardian())
    script = "for number in 1 2 3 4 5 6 7 8 9 10; do (true & echo $!); done; sleep 600"
    program = await runtime.start(Launch(["sh", "-c", script], dict(os.environ), tmp_path))
    try:
        orphans = [Path("/proc", (await program.stdout.readline()).decode().strip()) for _ in range(10)]
        await asyncio.to_thread(until, lambda: not any(orphan.exists() for orphan in orphans))
        assert program.returncode is None
    finally:
        await program.cleared()
        program.close()
        await runtime.aclose()
