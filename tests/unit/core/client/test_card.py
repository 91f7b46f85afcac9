from __future__ import annotations

import json

import pytest

from perijove.client import RemoteExecution
from perijove.client.card import MIME_TYPE, bundle
from perijove.model.resources import Execution


@pytest.fixture
def row(execution):
    def make(status="started", **changes):
        return Execution.model_validate(execution(status, **changes))

    return make


def test_a_cell_displays_the_card_with_words_for_those_who_cannot_show_it(row):
    shown = RemoteExecution(None, row())._repr_mimebundle_()
    assert set(shown) == {MIME_TYPE, "text/html", "text/plain"}
    assert shown["text/plain"].startswith("a.ipynb #12 · local · It waits.\nhttp")


def test_the_card_names_the_execution_and_how_it_stood(row):
    execution = row("complete")
    payload = bundle(execution)[MIME_TYPE]
    assert payload["id"] == execution.id
    assert (payload["number"], payload["status"], payload["title"]) == (12, "complete", "a.ipynb")
    json.dumps(payload)


def test_a_command_is_known_by_its_lines(row):
    execution = row(spec={"group": "local", "command": ["make", "make test"]})
    assert bundle(execution)[MIME_TYPE]["title"] == "make ; make test"


def test_a_title_is_text_in_the_page_and_never_markup(row):
    execution = row(spec={"group": "local", "command": ["true"], "title": "<script>alert(1)</script>"})
    assert "<script>" not in bundle(execution)["text/html"]
    assert "&lt;script&gt;" in bundle(execution)["text/html"]


def test_a_card_links_to_web_pages_only(row):
    assert "<a href" in bundle(row())["text/html"]
    assert "<a" not in bundle(row(url="javascript:alert(1)"))["text/html"]
