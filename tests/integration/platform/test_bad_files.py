"""Files as people make them, through the whole line: sent, run, kept or left out, and said wherever somebody looks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from perijove.client.client import Client
from perijove.model.reasons import Reason
from perijove.model.status import Status

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

_LEAVES = """\
cd "$PERIJOVE_OUTPUTS"
echo weights > model.bin
ln -s loop loop
mkfifo pipe
: > "$(printf 'bad\\377')"
cd "$PERIJOVE_REPOSITORY"
test -L loop && mkdir -p go/mod && touch go/mod/file && chmod -R a-w go
"""


def test_bad_files_are_named_wherever_somebody_looks_and_the_good_ones_are_kept(
    alice: Client, cli: Cli, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "loop").symlink_to("loop")
    os.mkfifo(project / "pipe")
    done = cli("run", "--json", "--root", str(project), "--", _LEAVES)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    number = str(events[-1]["execution"]["number"]) if "execution" in events[-1] else str(events[-1]["number"])
    found = alice.executions.find(number)
    assert (found.status, found.reason, found.attempt) == (Status.COMPLETE, Reason.OK, 1)
    assert found.sentence == "It completed. 3 files it left could not be kept."
    assert found.left_out == 3
    assert {each.name for each in found.left_out_files} == {"loop", "pipe", r"bad\xff"}
    assert [output.name for output in alice.executions.outputs(found.id)] == ["model.bin"]
    listed = cli("outputs", number)
    assert "model.bin" in listed.stdout
    assert "Left out: 'pipe': it is a pipe." in listed.stderr
    log = b"".join(alice.executions.log(found.id)).decode()
    assert "Output 'loop' is left out: it is a link that leads to itself" in log
