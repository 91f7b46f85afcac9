"""The executions' side of JupyterLab, as the browser tests see and press it."""

from __future__ import annotations

from lab_page import LabPage
from playwright.sync_api import Locator, Page, expect


class ExecutionsPage:
    """The sidebar of executions, and the tabs it opens.

    Parameters
    ----------
    page : Page
        With JupyterLab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def show(self) -> None:
        """Open the sidebar."""
        self.page.locator("[data-id='perijove-executions']").click()
        expect(self.panel).to_be_visible()

    @property
    def panel(self) -> Locator:
        """The sidebar."""
        return self.page.locator("#perijove-executions")

    @property
    def rows(self) -> Locator:
        """What it lists."""
        return self.panel.locator(".pj-Row")

    def row(self, number: int) -> Locator:
        """Return an execution's row."""
        return self.rows.filter(has=self.page.get_by_text(f"#{number}", exact=True))

    def choose(self, label: str, value: str) -> None:
        """Set a filter."""
        self.panel.get_by_label(label).select_option(value)

    def search(self, words: str) -> None:
        """Search the list."""
        self.panel.get_by_label("Search executions").fill(words)

    def number_of(self, lab: LabPage) -> int:
        """Return the number of the notebook's run."""
        expect(lab.state).to_contain_text("#")
        return int(lab.state.inner_text().split()[0].removeprefix("#"))

    @property
    def detail(self) -> Locator:
        """The tab of an execution that is in sight."""
        return self.page.locator(".pj-Detail:not(.pj-Compare):visible")

    @property
    def shown(self) -> int:
        """The number of the execution in that tab."""
        return int(self.detail.locator("h2 span").last.inner_text().removeprefix("#"))

    def open(self, number: int) -> Locator:
        """Open an execution's tab."""
        self.row(number).locator(".pj-Row-open").click()
        expect(self.detail.locator("h2")).to_contain_text(f"#{number}")
        return self.detail

    def press(self, label: str) -> None:
        """Press a button of that tab's toolbar."""
        self.page.locator(".pj-Actions:visible").get_by_role("button", name=label).click()

    def compare(self, *numbers: int) -> Locator:
        """Set executions side by side."""
        for number in numbers:
            self.row(number).get_by_role("checkbox").check()
        self.panel.get_by_role("button", name="Compare").click()
        return self.page.locator(".pj-Compare:visible")

    def use_theme(self, name: str) -> None:
        """Choose one of JupyterLab's themes, as a person does."""
        self.page.keyboard.press("Control+Shift+C")
        self.page.locator(".lm-CommandPalette-input:visible").fill(f"Theme: {name}")
        self.page.locator(".lm-CommandPalette-item.lm-mod-active").get_by_text(name).click()
