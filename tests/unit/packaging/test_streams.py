"""The programs, on terminals of few characters and without any."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# Each prints a help text, or a sentence with a character that ASCII lacks, and ends.
PROGRAMS = [
    ["perijove_local.up"],  # its port is taken
    ["perijove_hub", "--help"],
    ["perijove_hub", "--check", "--PerijoveHub.config_file=/no/§"],
    ["perijove_agent", "--help"],
    ["perijove_agent", "--url=http://127.0.0.1:9/", "--group=§", "--§"],
]


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", ">&- 2>&-"])
def test_a_program_prints_what_its_streams_take_and_no_traceback(program, closed, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        changed = {
            "PYTHONPATH": str(Path(__file__).parents[3] / "deploy"),
            "PYTHONIOENCODING": "ascii",
            "PERIJOVE_DATA_DIR": str(tmp_path),
            "PORT": str(taken.getsockname()[1]),
        }
        command = f"exec {shlex.join([sys.executable, '-m', *program])} {closed}"
        ended = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env={**os.environ, **changed}, capture_output=True, check=False
        )
    assert not any(words in ended.stderr for words in (b"Traceback", b"No module named"))
    assert ended.returncode == (0 if "--help" in program else 2 if "--§" in program else 1)
