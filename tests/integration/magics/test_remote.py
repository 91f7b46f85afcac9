"""``%%remote`` in a kernel, on a real platform."""

from __future__ import annotations

from typing import Any

import pytest
from sessions import Kernel

from perijove.client.client import Client
from perijove.model.status import Status


def test_a_variable_goes_there_and_a_result_comes_back(kernel: Kernel) -> None:
    kernel.run("x = {'a': [1, 2, 3]}")
    seen = kernel.run("%%remote --in x --out y\nprint('there')\ny = sum(x['a'])")
    assert seen.text("stdout") == "there\n"
    assert "y came back" in seen.status
    assert kernel.run("y").value == "6"


def test_functions_imports_and_modules_of_the_project_come_along(kernel: Kernel) -> None:
    kernel.run("from helper import twice\nfactor = 5\nunrelated = print('only here')")
    kernel.run("def scale(values):\n    return [twice(each) * factor for each in values]")
    seen = kernel.run("%%remote --out scaled\nscaled = scale([1, 2])")
    assert seen.text("stderr") == ""
    assert kernel.run("scaled").value == "[10, 20]"


def test_functions_and_classes_of_the_session_travel_both_ways(kernel: Kernel) -> None:
    kernel.run(
        "class Point:\n    def __init__(self, x): self.x = x\nk = 3\ndef times(p): return Point(k * p.x)\np = Point(2)"
    )
    kernel.run("%%remote --in p,times --out q,f\nq = times(p)\nf = lambda n: n + q.x")
    assert kernel.run("q.x, type(q).__name__, f(1)").value == "(6, 'Point', 7)"


def test_parameters_are_set(kernel: Kernel) -> None:
    kernel.run("%%remote -p n=4 -p name=adam --out said\nsaid = f'{name} {n + 1}'")
    assert kernel.run("said").value == "'adam 5'"


def test_displays_arrive_and_are_updated(kernel: Kernel) -> None:
    kernel.run("from IPython.display import HTML, display")
    seen = kernel.run(
        "%%remote\nh = display(HTML('<b>one</b>'), display_id=True)\nh.update(HTML('<b>two</b>'))\n'last'"
    )
    rich = [data.get("text/html") for data in seen.displayed if "Execution" not in data["text/plain"]]
    assert "<b>one</b>" in rich
    assert "<b>two</b>" in rich
    assert "'last'" in [data["text/plain"] for data in seen.displayed]


def test_a_large_output_arrives_when_the_cell_has_ended(kernel: Kernel) -> None:
    kernel.run("from IPython.display import HTML, display")
    seen = kernel.run("%%remote\ndisplay(HTML('<i>' + 'x' * 400_000 + '</i>'))")
    assert max(len(data.get("text/html", "")) for data in seen.displayed) > 400_000


def test_a_remote_exception_is_raised_here(kernel: Kernel) -> None:
    seen = kernel.run("%%remote\ndef f():\n    raise LookupError('nothing there')\nf()")
    assert (seen.error["ename"], seen.error["evalue"]) == ("RemoteError", "LookupError: nothing there")
    told = "\n".join(seen.error["traceback"])
    assert "\x1b[" in told
    assert "nothing there" in told
    assert "perijove/magics" not in told


@pytest.mark.parametrize(
    ("make", "why"),
    [("threading.Lock()", "it is a lock"), ("[(i for i in ())]", "bad[0] is a generator"),
     ("{'f': open('log.txt', 'w')}", "bad['f'] is an open file")],
)  # fmt: skip
def test_what_cannot_be_pickled_is_named_and_nothing_is_created(
    kernel: Kernel, alice: Client, make: str, why: str
) -> None:
    before = [each.id for each in alice.executions.list(limit=1)]
    kernel.run(f"import threading\nbad = {make}")
    error = kernel.run("%%remote --in bad\n1").error
    assert error["ename"] == "UnpicklableVariable"
    assert why in error["evalue"]
    assert [each.id for each in alice.executions.list(limit=1)] == before


def test_a_result_that_cannot_be_pickled_is_named(kernel: Kernel) -> None:
    error = kernel.run("%%remote --out made\nmade = (i for i in range(3))").error
    assert error["ename"] == "RemoteError"
    assert "'made' can't be brought back" in error["evalue"]


def test_an_interrupt_stops_the_run(kernel: Kernel, alice: Client) -> None:
    def interrupt(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and "ready" in message["content"]["text"]:
            kernel.manager.interrupt_kernel()

    seen = kernel.run("%%remote\nimport time\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)", interrupt)
    assert seen.error["ename"] == "InterruptedRun"
    assert "was stopped" in seen.error["evalue"]
    assert next(iter(alice.executions.list(limit=1))).status is Status.STOPPED


def test_a_detached_run_is_left_to_itself_and_loaded_later(kernel: Kernel, alice: Client) -> None:
    seen = kernel.run("%%remote --detach --out late\nlate = 11")
    number = next(iter(alice.executions.list(limit=1))).number
    assert f"#{number}" in seen.value
    assert kernel.run("str(_.wait().status)").value == "'complete'"
    assert "late came back" in kernel.run(f"%remote load {number}").text("stdout")
    assert kernel.run("late").value == "11"


def test_executions_are_listed(kernel: Kernel) -> None:
    kernel.run("%%remote --title a listed run\n1")
    assert "a listed run" in kernel.run("%remote ls").text("stdout").splitlines()[0]


def test_a_view_follows_an_execution_to_its_end(kernel: Kernel) -> None:
    kernel.run("%%remote --detach\nprint('{\"loss\": 0.5}')")
    kernel.run("from perijove.widgets import ExecutionView\nview = ExecutionView(_)\nended = view.wait(60)")
    assert kernel.run("ended, 'complete' in view.children[0].children[0].value").value == "(True, True)"
    assert kernel.run("'loss' in view.children[2].value").value == "True"
    kernel.run("view.close()")
