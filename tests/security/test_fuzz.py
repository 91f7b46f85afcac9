"""The REST API answers whatever its own document allows, and refuses whatever it does not, without failing once.

`make fuzz` goes deeper: PERIJOVE_FUZZ is the number of examples for each operation, and their seed is a fresh one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sites import Site

from perijove.model.status import TERMINAL

_HERE = Path(__file__).parent
#: In CI the examples are always the same ones: a new one would fail somebody else's change.
_EXAMPLES = 5
_METHODS = ("get", "put", "post", "delete", "head")


@pytest.mark.timeout(900)
def test_no_request_that_the_document_describes_or_forbids_breaks_the_service(site: Site, tmp_path: Path) -> None:
    deep = os.environ.get("PERIJOVE_FUZZ")
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(_with_examples(site)))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={_HERE / 'schemathesis.toml'}",
        "run", str(document), f"--url={site.address}", "--checks=all", "--phases=examples,coverage,fuzzing,stateful",
        f"--header=Authorization: token {site.tokens['admin']}", "--request-timeout=30", "--warnings=off", "--no-color",
        f"--max-examples={deep or _EXAMPLES}", *([] if deep else ["--generation-deterministic"]),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(_HERE)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout[-1000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


def _with_examples(site: Site) -> dict[str, Any]:
    """Return the document with names of what there is, so that requests get further than "there is no such thing"."""
    with site.http("admin") as http:
        document: dict[str, Any] = http.get("openapi.json").raise_for_status().json()
        project = http.post("projects", json={"name": "fuzzed"}).raise_for_status().json()["id"]
        http.post("groups", json={"name": "fuzzed"}).raise_for_status()
        spec = {"command": ["true"], "group": "fuzzed"}
        made = [http.post("executions", json={"project": project, "spec": spec}).json()["id"] for _ in range(2)]
    with site.client("admin") as client:  # following one, also of an earlier test's, must come to an end
        for waiting in client.executions.list():
            if waiting.status not in TERMINAL:
                client.executions.stop(waiting.id)
    known = {"project": project, "execution": made[0], "group": "fuzzed", "kind": "user", "name": "other"}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            for parameter in operations.get(method, {}).get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["example"] = known[parameter["name"]]
                if parameter["in"] == "path" and method == "delete" and path.endswith("{execution}"):
                    parameter["example"] = made[1]
    del document["paths"]["/api/v1/projects/{project}"]["delete"]["parameters"][0]["example"]
    return document
