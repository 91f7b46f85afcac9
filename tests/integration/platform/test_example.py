"""The example, run as a person runs it: what they get, and what another person gets of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import nbformat
import pytest
from stories import Story, follow

from perijove.client.client import Client
from perijove.client.submit import Submission
from perijove.errors import NotFound, UnknownProject
from perijove.model.reasons import Reason
from perijove.model.records import MetadataRecord, PhaseRecord, ProgressRecord
from perijove.model.status import Status

_NOTEBOOK = "application/x-ipynb+json"


@pytest.fixture(scope="module")
def story(alice: Client, example: Path) -> Story:
    """The whole story of one run of the example, with two parameters of our own."""
    work = Submission(path=example, parameters={"epochs": 5, "hidden": 16}, title="digits", tags=["example"])
    return follow(alice, alice.submit(work))


@pytest.fixture(scope="module")
def executed(story: Story) -> Any:
    """The executed notebook."""
    return nbformat.reads(story.client.executions.notebook(story.id).decode(), as_version=4)


def test_it_completes(story: Story) -> None:
    end = story.end
    assert (end.status, end.reason, end.attempt) == (Status.COMPLETE, Reason.OK, 1)
    assert end.owner == "alice"
    assert end.spec.title == "digits"


def test_its_records_are_numbered_without_a_gap(story: Story) -> None:
    assert story.places == [(1, n) for n in range(1, len(story.places) + 1)]


def test_every_cell_is_reported_as_it_runs(story: Story, executed: Any) -> None:
    cells = [cell.id for cell in executed.cells if cell.cell_type == "code"]
    assert story.cells() == [(cell, state) for cell in cells for state in ("running", "done")]
    last = [r for r in story.records if isinstance(r, ProgressRecord)][-1]
    assert last.done == last.total == len(cells)


def test_its_phases_come_in_order(story: Story) -> None:
    phases = [r.phase.value for r in story.records if isinstance(r, PhaseRecord)]
    assert list(dict.fromkeys(phases)) == ["preparing", "running", "uploading"]


def test_each_json_line_is_a_metric(story: Story) -> None:
    epochs = [r.values["epoch"] for r in story.records if isinstance(r, MetadataRecord) and "epoch" in r.values]
    assert epochs == [1, 2, 3, 4, 5]
    metadata = story.client.executions.metadata(story.id)
    assert [point.values["epoch"] for point in metadata.points if "epoch" in point.values] == epochs
    assert metadata.latest == story.end.metadata
    assert 0.5 < metadata.latest["accuracy"] <= 1


def test_the_given_parameters_stand_in_a_cell_of_their_own(executed: Any) -> None:
    tags = [cell.metadata.get("tags", []) for cell in executed.cells]
    defaults, injected = tags.index(["parameters"]), tags.index(["injected-parameters"])
    assert injected == defaults + 1
    scope: dict[str, Any] = {}
    exec(executed.cells[injected].source, scope)
    assert (scope["epochs"], scope["hidden"]) == (5, 16)


def test_the_executed_notebook_holds_the_output_and_the_plots(executed: Any) -> None:
    nbformat.validate(executed)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    text = "".join(output.get("text", "") for output in outputs)
    assert '"epoch": 5' in text
    assert "training: 100%" in text
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")


def test_the_submitted_notebook_stays_what_it_was(story: Story, example: Path) -> None:
    submitted = json.loads(story.client.executions.notebook(story.id, which="submitted"))
    original = json.loads(example.read_text())
    assert not any(cell.get("outputs") for cell in submitted["cells"])
    originals = ["".join(cell["source"]) for cell in original["cells"]]
    kept = ["".join(cell["source"]) for cell in submitted["cells"]]
    assert set(originals) <= set(kept)


def test_the_model_file_is_an_output_with_its_checksum(story: Story, tmp_path: Path) -> None:
    outputs = {output.name: output for output in story.client.executions.outputs(story.id)}
    model = outputs["digits-model.joblib"]
    path = story.client.executions.download(model, tmp_path)
    content = path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (model.size, model.sha256)
    assert joblib.load(path).hidden_layer_sizes == (16,)
    assert [name for name, output in outputs.items() if output.media_type == _NOTEBOOK] == ["digits.ipynb"]


def test_the_environment_it_ran_in_is_recorded(story: Story) -> None:
    environment = story.end.environment
    assert {"python", "kernel", "packages"} <= set(environment)
    assert "scikit-learn" in environment["packages"]


def test_the_log_holds_what_the_cells_printed(story: Story) -> None:
    assert story.printed()
    for line in story.printed().splitlines():
        assert line.rpartition("\r")[2] in story.log


def test_running_it_again_sets_what_differs_and_keeps_the_rest(alice: Client, story: Story) -> None:
    again = follow(alice, alice.executions.copy(story.id, parameters={"epochs": 2}))
    epochs = [r.values["epoch"] for r in again.records if isinstance(r, MetadataRecord) and "epoch" in r.values]
    assert epochs == [1, 2]
    compared = alice.executions.compare([story.id, again.id])
    assert (compared.parameters["epochs"], compared.parameters["hidden"]) == ([5, 2], [16, 16])


_READERS: dict[str, Callable[[Client, str], object]] = {
    "get": lambda client, one: client.executions.get(one),
    "events": lambda client, one: list(client.executions.events(one)),
    "log": lambda client, one: list(client.executions.log(one)),
    "notebook": lambda client, one: client.executions.notebook(one),
    "outputs": lambda client, one: client.executions.outputs(one),
    "metadata": lambda client, one: client.executions.metadata(one),
    "why": lambda client, one: client.executions.why(one),
    "compare": lambda client, one: client.executions.compare([one, one]),
    "stop": lambda client, one: client.executions.stop(one),
    "copy": lambda client, one: client.executions.copy(one),
    "delete": lambda client, one: client.executions.delete(one),
}


@pytest.mark.parametrize("reader", _READERS.values(), ids=_READERS.keys())
def test_a_second_user_finds_no_such_execution(story: Story, bob: Client, reader: Callable[..., object]) -> None:
    with pytest.raises(NotFound) as known:
        reader(bob, story.id)
    with pytest.raises(NotFound) as unknown:
        reader(bob, "ex-" + "0" * 26)
    assert known.value.code == unknown.value.code
    assert known.value.message.replace(story.id, "…") == unknown.value.message.replace("ex-" + "0" * 26, "…")


def test_a_second_user_sees_nothing_of_it_in_their_lists(story: Story, bob: Client) -> None:
    assert story.id not in {execution.id for execution in bob.executions.list()}
    assert "alice" not in {project.name for project in bob.projects.list()}
    for name in ("alice", "alice/alice", "no-such-project"):
        with pytest.raises(UnknownProject):
            list(bob.executions.list(project=name))


def test_a_second_user_cannot_have_its_code(story: Story, bob: Client, tmp_path: Path) -> None:
    code = story.end.spec.code
    assert code is not None
    assert bob.code.get(code) is None
    with pytest.raises(UnknownProject):
        bob.code.get(code, project="alice")
    assert not list(tmp_path.iterdir())
