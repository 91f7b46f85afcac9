"""What events add up to."""

from __future__ import annotations

import pytest

from perijove.client import Changed, Recorded
from perijove.model.records import RECORD
from perijove.model.resources import Progress
from perijove.model.status import Status
from perijove.widgets.html import headline, log_tail, metrics_table, sparkline
from perijove.widgets.picture import LOG_TAIL, Picture


@pytest.fixture
def picture(service):
    return Picture(service.execution())


@pytest.fixture
def tell(picture):
    def take(kind, attempt=1, **fields):
        picture.take(Recorded(attempt, RECORD.validate_python({"n": 1, "t": 0.0, "kind": kind, **fields})))

    return take


def printed(tell, *texts):
    for text in texts:
        tell("output", cell="c", message="stream", content={"name": "stdout", "text": text})


def test_a_change_brings_status_and_progress(picture, service):
    picture.take(Changed(service.execution(Status.ERROR, progress=Progress(done=2, total=3))))
    assert (picture.execution.status, picture.done, picture.total) == (Status.ERROR, 2, 3)


def test_progress_is_told_by_records(picture, tell):
    tell("progress", done=1, total=4)
    assert (picture.done, picture.total) == (1, 4)


def test_metrics_keep_their_last_value_and_their_numbers(picture, tell):
    for values in ({"loss": 3, "name": "a"}, {"loss": 1.5, "ok": True}):
        tell("metadata", values=values)
    assert picture.latest == {"loss": 1.5, "name": "a", "ok": True}
    assert {name: [*points] for name, points in picture.points.items()} == {"loss": [3, 1.5]}


@pytest.mark.parametrize(
    ("texts", "log"),
    [
        (["a", "b\n", "c"], "ab\nc"),
        (["1%", "\r2%", "\r", "3%\ndone"], "3%\ndone"),
        (["\x1b[31mred\x1b[0m\r\n"], "red\n"),
        (["\x1b]8;;http://x\x07link\x1b]8;;\x07"], "link"),
    ],
)
def test_the_log_reads_as_a_terminal_shows_it(picture, tell, texts, log):
    printed(tell, *texts)
    assert picture.log == log


def test_a_remote_traceback_is_part_of_the_log(picture, tell):
    tell("output", cell="c", message="error", content={"ename": "E", "evalue": "", "traceback": ["one", "two"]})
    assert picture.log == "one\ntwo\n"


def test_only_the_log_s_end_is_kept(picture, tell):
    printed(tell, *["x" * 1000 + "\n"] * 30)
    assert len(picture.log) == LOG_TAIL


def test_a_new_attempt_starts_over(picture, tell):
    printed(tell, "first")
    tell("metadata", values={"loss": 1})
    tell("log", 2, stream="stdout", text="second")
    assert (picture.log, picture.latest) == ("second", {})


def test_what_comes_from_a_run_is_escaped(service):
    seen = service.execution(detail="<script>")
    assert "<script>" not in headline(seen) + log_tail("<script>") + metrics_table({"<script>": "<script>"}, {})
    assert "It goes &lt;on&gt;." in headline(seen)


def test_a_line_of_numbers_says_where_it_goes():
    drawn = sparkline([1.0, float("nan"), 3.0], "loss")
    assert 'points="2.0,18.0 118.0,2.0"' in drawn
    assert 'aria-label="loss from 1 to 3"' in drawn


@pytest.mark.parametrize("values", [[], [1.0], [float("inf"), 1.0]])
def test_fewer_than_two_numbers_make_no_line(values):
    assert sparkline(values, "loss") == ""


def test_a_line_that_does_not_rise_is_drawn_all_the_same():
    assert 'points="2.0,18.0 118.0,18.0"' in sparkline([2.0, 2.0], "loss")
