"""What a person is shown of titles and outputs that somebody made to mislead or to break a page."""

from __future__ import annotations

import pytest
from executions_page import ExecutionsPage
from lab_page import LabPage, WriteNotebook
from perijove_local.hub import Hub
from playwright.sync_api import Page, expect

_MARK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TITLES = {
    "markup": _MARK,
    "turned around": "\u202egnp.exe\u2067 abc",
    "invisible": "a" + "\u200b" * 100 + "b",
    "without a space": "x" * 200,
    "stacked": "z" + "\u0335" * 199,
}
_TERMINAL = "\x1b[2J\x1b]0;owned\x07\x1b[31mred"
_LEFT_OUT = "<b>pipe"
_FILES = f'ln -s loop "$PERIJOVE_OUTPUTS/loop"; mkfifo "$PERIJOVE_OUTPUTS/{_LEFT_OUT}"; touch "$PERIJOVE_OUTPUTS/kept"'
OUTPUTS = (
    f"{_FILES}; printf '%s\\n' '{_MARK.replace(chr(39), chr(34))}' '{_TERMINAL}' '\u202ereversed'; printf '\\377\\n'"
)


@pytest.fixture
def numbers(page: Page, hub: Hub) -> dict[str, int]:
    """The executions that have those titles, by what is odd in them."""
    service = f"{hub.url}services/perijove/"
    page.goto(service)
    token = next(each["value"] for each in page.context.cookies(service) if each["name"] == "_xsrf")
    numbers = {}
    for kind, title in TITLES.items():
        body = {"spec": {"title": title, "group": "local", "command": [OUTPUTS], "tags": ["t" * 60]}}
        answer = page.request.post(f"{service}api/v1/executions", data=body, headers={"X-XSRFToken": token})
        assert answer.ok, answer.text()
        numbers[kind] = answer.json()["number"]
    return numbers


def test_the_service_s_page_shows_any_title_as_text_in_its_own_row(
    page: Page, hub: Hub, numbers: dict[str, int]
) -> None:
    page.goto(f"{hub.url}services/perijove/")
    for kind, title in TITLES.items():
        row = page.locator("tr", has=page.get_by_role("cell", name=str(numbers[kind]), exact=True))
        expect(row.locator("td:nth-child(2) strong").first).to_have_text(title)
    expect(page).to_have_title("Executions · Perijove")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_panel_and_the_tab_show_any_title_as_text_in_its_own_row(
    lab: LabPage, write_notebook: WriteNotebook, numbers: dict[str, int]
) -> None:
    lab.open(write_notebook("1"))
    executions = ExecutionsPage(lab.page)
    executions.show()
    for kind, title in TITLES.items():
        expect(executions.row(numbers[kind])).to_contain_text(title)
    detail = executions.open(numbers["markup"])
    expect(detail.locator("h2")).to_contain_text(TITLES["markup"])
    expect(detail).to_contain_text("reversed")
    left_out = detail.get_by_label("Files that were left out")
    expect(left_out).to_contain_text("2 files were left out:")
    expect(left_out.get_by_role("row", name=_LEFT_OUT)).to_contain_text("pipe")
    left_out.scroll_into_view_if_needed()
    assert not lab.page.locator("img[src=x]").count()
    assert lab.page.title() != "owned"
