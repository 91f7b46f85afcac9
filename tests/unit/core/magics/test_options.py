from __future__ import annotations

import pytest

from perijove.magics.failures import UnknownVariable


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--in 1a", "'1a' is none"),
        ("--out class", "'class' is none"),
        ("-p epochs", "name=value"),
        ("-p 2=3", "'2' is none"),
        ("--in a -p a=1", "'a' is set by -p and sent by --in"),
        ("--unheard", "unrecognized"),
    ],
)
def test_what_is_not_understood_is_said_and_nothing_is_sent(session, service, line, said):
    error = session.tries(f"%%remote {line}\n1")
    assert type(error).__name__ == "UsageError"
    assert said in str(error)
    assert service.asked == []


def test_an_empty_cell_is_not_sent(session, service):
    assert "nothing in this cell" in str(session.tries("%%remote\n  \n"))
    assert service.asked == []


def test_options_become_the_spec(session, service):
    session.run("%%remote --group local --limit 2h --title a long title -p n=3 -p name=adam\nn")
    spec = service.created[-1]["spec"]
    assert (spec["group"], spec["time-limit"], spec["title"]) == ("local", 7200, "a long title")
    assert spec["parameters"] == {"n": 3, "name": "adam"}


def test_names_may_be_given_in_one_list_or_several(session, service):
    session.run("a, b, c = 1, 2, 3")
    session.run("%%remote --in a,b --in c,a\na + b + c")
    assert '[a, b, c] = _perijove_variables("a", "b", "c")' in service.sources["perijove-variables"]


def test_a_variable_that_is_not_there_is_named(session, service):
    error = session.tries("%%remote --in nothing\n1")
    assert isinstance(error, UnknownVariable)
    assert "'nothing'" in str(error)
    assert service.created == []


def test_a_line_that_is_no_command_says_which_there_are(session):
    assert "%remote ls" in str(session.tries("%remote"))
