"""What a person sees of a cell that runs elsewhere."""

from __future__ import annotations

import pickle
import subprocess
import sys

import cloudpickle
import numpy
import pytest

from perijove.client import RemoteExecution
from perijove.errors import ExecutionFailed, Forbidden, UnknownDatum
from perijove.magics import cells
from perijove.magics.failures import AlteredResults, InterruptedRun, RemoteError, UnreadableResults
from perijove.model.reasons import Reason
from perijove.model.status import Status


def results(**values):
    return {"variables_pkl": cloudpickle.dumps(values)}


def test_what_is_printed_goes_to_the_same_streams(session, service, capsys):
    service.prints("one ")
    service.prints("two\n")
    service.prints("careful\n", stream="stderr")
    session.run("%%remote\n1")
    seen = capsys.readouterr()
    assert seen.out == "one two\n"
    assert "careful\n" in seen.err


def test_a_sentence_of_ours_starts_a_line_of_its_own(session, service, capsys):
    service.prints("half a line", stream="stderr")
    session.run("%%remote\n1")
    assert "half a line\nExecution ann/12: It is over.\n" in capsys.readouterr().err


def test_rich_outputs_are_published_as_they_are(session, service):
    service.output(
        "in-1", "display_data", data={"image/png": "iVBO"}, metadata={"image/png": {"width": 3}}, transient={}
    )
    service.output("in-1", "execute_result", data={"text/plain": "3"}, metadata={}, execution_count=3)
    session.run("%%remote\n1")
    assert [(each["data"], each["metadata"]) for each in session.displayed] == [
        ({"image/png": "iVBO"}, {"image/png": {"width": 3}}),
        ({"text/plain": "3"}, {}),
    ]


def test_displays_are_updated_and_cleared(session, service, monkeypatch):
    cleared = []
    monkeypatch.setattr(session.shell.display_pub, "clear_output", lambda wait=False: cleared.append(wait))
    for kind in ("display_data", "update_display_data"):
        service.output("in-1", kind, data={"text/plain": kind}, metadata={}, transient={"display_id": "d"})
    service.output("in-1", "clear_output", wait=True)
    session.run("%%remote\n1")
    assert [(each["transient"], each["update"]) for each in session.displayed] == [
        ({"display_id": "d"}, False),
        ({"display_id": "d"}, True),
    ]
    assert cleared == [True]


def test_of_a_widget_only_what_stands_beside_it_is_shown(session, service):
    view = "application/vnd.jupyter.widget-view+json"
    service.output("in-1", "display_data", data={view: {"model_id": "m"}, "text/plain": "50 %"}, metadata={})
    session.run("%%remote\n1")
    assert session.displayed[0]["data"] == {"text/plain": "50 %"}


@pytest.fixture
def large(service):
    """Lays down a large output, and the executed notebook that holds these."""

    def lay(*plots):
        service.output("in-1", "display_data")
        service.records[-1] |= {"content": None, "ref": "0" * 64}
        images = ["small", *(plot * 300_000 for plot in plots)]
        made = [{"output_type": "display_data", "data": {"image/png": [image]}, "metadata": {}} for image in images]
        cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "execution_count": 1}
        cells = [{**cell, "id": "in-1", "outputs": made}, {**cell, "id": "other", "outputs": []}]
        service.notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    return lay


def test_a_large_output_takes_its_place_when_the_cell_has_ended(session, large):
    large("x")
    session.run("%%remote\n1")
    note, output = session.displayed
    assert "large output" in note["data"]["text/plain"]
    assert output["data"] == {"image/png": "x" * 300_000}
    assert (note["update"], output["update"]) == (False, True)
    assert note["transient"] == output["transient"]


def test_large_outputs_that_cannot_be_told_apart_stay_notes(session, large):
    large("x", "y")
    session.run("%%remote\n1")
    assert len(session.displayed) == 1


def test_a_large_output_that_was_cleared_does_not_come_back(session, service, large):
    large("x")
    service.output("in-1", "clear_output", wait=False)
    session.run("%%remote\n1")
    assert not any(each["update"] for each in session.displayed)
    assert not any("notebook" in asked for asked in service.asked)


def test_without_an_executed_notebook_the_note_stays(session, service, large):
    large("x")
    service.notebook = None
    session.run("%%remote\n1")
    assert len(session.displayed) == 1


def test_what_cells_that_go_along_show_is_not_shown_again(session, service, capsys):
    session.run("x = 1")
    service.prints("from above", cell="in-1")
    service.prints("from the cell", cell="in-2")
    session.run("%%remote\nx")
    assert capsys.readouterr().out == "from the cell"


def test_a_remote_exception_is_raised_with_the_remote_traceback(session, service):
    service.fails("in-1")
    error = session.tries("%%remote\n1")
    assert isinstance(error, RemoteError)
    assert (error.name, error.value, str(error)) == ("ValueError", "no", "ValueError: no")
    assert error._render_traceback_() == [
        "\x1b[31mthere\x1b[0m", "ValueError: no", "RemoteError: raised in execution ann/12"]  # fmt: skip


def test_an_exception_in_a_cell_that_went_along_names_that_cell(session, service):
    session.run("x = 1")
    service.fails("in-1")
    assert session.tries("%%remote\nx")._render_traceback_()[-1] == (
        "RemoteError: raised by In [1], which went along, in execution ann/12"
    )


def test_an_exception_in_a_cell_of_ours_is_its_sentence(session, service):
    service.fails("perijove-results", "NameError", "--out asks for 'y'.")
    assert session.tries("%%remote --out y\n1")._render_traceback_() == [
        "NameError: --out asks for 'y'.", "RemoteError: raised in execution ann/12"]  # fmt: skip


def test_a_run_that_failed_otherwise_says_why(session, service):
    service.fails("in-1", "KeyboardInterrupt", "")
    service.reason = Reason.TIME_LIMIT
    error = session.tries("%%remote --limit 1s\n1")
    assert type(error) is ExecutionFailed
    assert "Execution ann/12: It is over." in str(error)


def test_variables_come_back_under_their_names(session, service, capsys):
    service.leaves(**results(y=[1, 2], other=3))
    session.run("%%remote --out y\ny = [1, 2]")
    assert session.names["y"] == [1, 2]
    assert "other" not in session.names
    assert "y came back (" in capsys.readouterr().err


def test_nothing_comes_back_of_a_run_that_failed(session, service):
    service.leaves(**results(y=1))
    service.fails("in-1")
    session.tries("%%remote --out y\ny = 1")
    assert "y" not in session.names


def test_a_download_that_was_damaged_is_not_loaded(session, service, monkeypatch):
    service.leaves(**results(y=1))
    listed = service._output("variables.pkl")
    service.files["variables.pkl"] = cloudpickle.dumps({"y": 2})
    monkeypatch.setattr(service, "_output", lambda _name: listed)
    assert "SHA-256 differs" in str(session.tries("%%remote --out y\ny = 1"))
    assert "y" not in session.names


def test_results_that_cannot_be_read_here_say_which_pythons_met(session, service, capsys):
    service.leaves(variables_pkl=b"nonsense")
    service.python = "3.2.1"
    error = session.tries("%%remote --out y\ny = 1")
    assert isinstance(error, UnreadableResults)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"The worker ran Python 3.2.1, this session runs {here}; UnpicklingError" in str(error)
    assert "may not work" in capsys.readouterr().err


@pytest.mark.parametrize("digest", ["", "0" * 64, "é", 7, ["x"]])
@pytest.mark.parametrize("source", ["%%remote --out y\ny = 1", "%remote load {id}"])
def test_variables_that_their_own_process_did_not_write_are_not_loaded(session, service, source, digest):
    service.leaves(digest, variables_pkl=b"cos\nsystem\n(S'exit 1'\ntR.")
    error = session.tries(source.format(id=service.id))
    assert isinstance(error, AlteredResults)
    assert "not what its own process wrote" in str(error)
    assert not any("outputs/" in asked for asked in service.asked)


def test_a_display_of_the_digest_s_type_may_hold_anything(session, service):
    for odd in (7, None, [], {}, "x"):
        service.output("in-1", "display_data", data={cells.DIGEST: odd}, metadata={})
    session.run("%%remote\n1")
    assert not [each for each in session.displayed if cells.DIGEST in each["data"]]


def test_plain_data_comes_back_without_a_pickle(session, service, tmp_path, monkeypatch):
    monkeypatch.setenv("PERIJOVE_OUTPUTS", str(tmp_path))
    worker = {"n": {"a": [1, None, True, "x"]}, "array": numpy.arange(3.0)}
    exec(cells.writing(["n", "array"], data=True), worker)
    service.leaves(variables_zip=(tmp_path / cells.DATA).read_bytes())
    session.run("%%remote --data --out n,array\nn = array = 1")
    assert "_perijove_dump_data" in service.sources[cells.RESULTS]
    assert session.names["n"] == worker["n"]
    assert session.names["array"].tolist() == [0.0, 1.0, 2.0]


def test_an_execution_without_results_says_so(session, service):
    assert isinstance(session.tries("%%remote --out y\ny = 1"), UnknownDatum)


def test_an_interrupt_stops_the_run_and_shows_the_rest(session, service, capsys):
    service.prints("before\n")
    service.records.append(KeyboardInterrupt())
    service.prints("after\n")
    error = session.tries("%%remote\n1")
    assert isinstance(error, InterruptedRun)
    assert service.stopped == 1
    seen = capsys.readouterr()
    assert seen.out.startswith("before\nafter\n")
    assert "interrupted; it is being stopped" in seen.err
    assert error._render_traceback_() == ["KeyboardInterrupt: Execution ann/12 was stopped."]


def test_a_second_interrupt_leaves_it_to_itself(session, service, monkeypatch):
    def again(_request):
        raise KeyboardInterrupt

    service.records.append(KeyboardInterrupt())
    monkeypatch.setattr(service, "_stop", again)
    assert type(session.tries("%%remote\n1")) is KeyboardInterrupt


def test_a_lost_attempt_s_outputs_are_taken_back(session, service, monkeypatch, capsys):
    cleared = []
    monkeypatch.setattr(session.shell.display_pub, "clear_output", lambda wait=False: cleared.append(wait))
    service.prints("first\n")
    service.prints("second\n")
    original = service._messages

    def two_attempts(after):
        for message in original(after):
            yield message.replace(b"id: 1-2", b"id: 2-2")

    monkeypatch.setattr(service, "_messages", two_attempts)
    session.run("%%remote\n1")
    assert cleared == [True]


def test_a_detached_run_is_the_cell_s_value(session, service, capsys):
    value = session.run("%%remote --detach --out y\ny = 1")
    assert isinstance(value, RemoteExecution)
    assert value.status is Status.CREATED
    assert "Execution ann/12: it goes on without this cell." in capsys.readouterr().err
    assert not any("events" in asked for asked in service.asked)
    value.client.close()


def test_a_detached_run_s_variables_are_loaded_later(session, service, capsys):
    service.leaves(**results(y=7))
    session.run(f"%remote load {service.id}")
    assert session.names["y"] == 7
    assert capsys.readouterr().out.startswith("y came back")


def test_somebody_else_s_variables_are_not_read(session, service):
    service.leaves(**results(y=7))
    service.owner = "bob"
    error = session.tries(f"%remote load {service.id}")
    assert isinstance(error, Forbidden)
    assert "bob's" in str(error)
    assert "y" not in session.names


def test_an_error_of_ours_is_shown_without_our_frames(session, service, capsys):
    session.tries("%%remote --image a/b\n1")
    shown = capsys.readouterr().out
    assert shown.startswith("ImageNotSupported: The group local runs processes")
    assert "Traceback" not in shown


def test_in_a_kernel_one_display_says_where_it_stands(session, service):
    session.shell.kernel = object()
    session.run("%%remote\n1")
    said = [(each["data"]["text/plain"], each["update"]) for each in session.displayed]
    assert said[0] == ("Sending the cell …", False)
    assert said[-1] == ("Execution ann/12: It is over.", True)
    assert all(update for _, update in said[1:])
    assert len({each["transient"]["display_id"] for each in session.displayed}) == 1
    assert '<a href="https://hub.example.org' in session.displayed[-1]["data"]["text/html"]


def test_the_extension_is_loaded_and_unloaded(shell):
    shell.run_line_magic("load_ext", "perijove")
    assert "remote" in shell.magics_manager.magics["cell"]
    shell.run_line_magic("unload_ext", "perijove")
    assert "remote" not in shell.magics_manager.magics["cell"]
    assert shell.events.callbacks["post_run_cell"] == []


def test_loading_the_extension_imports_neither_the_client_nor_the_notebook_tools():
    code = (
        "import sys, perijove; from IPython.core.interactiveshell import InteractiveShell as S; s = S();"
        "s.run_line_magic('load_ext', 'perijove');"
        "print({'httpx', 'pydantic', 'nbconvert', 'cloudpickle', 'perijove.client'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_an_error_can_be_sent_between_processes():
    with pytest.raises(RemoteError):
        raise pickle.loads(pickle.dumps(RemoteError("ValueError", "no", ["t"])))
