"""JupyterLab as the browser tests see and press it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from perijove_local.hub import Hub
from playwright.sync_api import Browser, Locator, Page, expect
from waiting import until

#: Writes a notebook of these cells, and returns its path in JupyterLab.
WriteNotebook = Callable[..., str]


#: Milliseconds: for a Hub that starts a server on a busy machine.
PATIENCE = 45_000
#: Who uses JupyterLab in the tests.
USER = "demo"
#: The kernel of the notebooks they write; without one JupyterLab asks.
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def sign_in(browser: Browser, hub: Hub) -> dict[str, Any]:
    """Sign in on the Hub's page and wait until the user's server runs; return the cookies."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{hub.url}hub/login")
    page.fill("#username_input", USER)
    page.fill("#password_input", (hub.home.path / "password").read_text().strip())
    page.click("#login_submit")
    page.wait_for_url(re.compile(f"^{hub.url}user/{USER}/"))
    state = context.storage_state()
    context.close()
    return dict(state)


def cull_server(hub: Hub) -> None:
    """Stop the user's notebook server as a culler does."""
    with _as_user(hub) as api:
        # The Hub answers only when the server has ended, or has not within ten seconds.
        api.delete(f"{USER}/server").raise_for_status()
        until(lambda: not api.get(USER).json()["servers"])


def start_server(hub: Hub) -> None:
    """Start the user's notebook server."""
    with _as_user(hub) as api:
        api.post(f"{USER}/server").raise_for_status()
        until(lambda: any(server["ready"] for server in api.get(USER).json()["servers"].values()))


def _as_user(hub: Hub) -> httpx.Client:
    authorized = {"Authorization": f"token {hub.token(USER)}"}
    return httpx.Client(headers=authorized, base_url=f"{hub.url}hub/api/users", timeout=PATIENCE / 1000)


def write_settings(folder: Path, plugin: str, settings: str, extension: str = "apputils-extension") -> Path:
    """Write what a person set of one of JupyterLab's own plugins, before it starts."""
    file = folder / f".jupyter/lab/user-settings/@jupyterlab/{extension}/{plugin}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(settings)
    return file


#: Open a notebook as the file browser does, and start no kernel for it.
_OPEN_WITHOUT_KERNEL = """async path => {
  const { commands, restored } = window.jupyterapp;
  await restored;
  const opened = await commands.execute('docmanager:open', { path, kernelPreference: { shouldStart: false } });
  await opened.context.ready;
}"""
#: A kernel may look idle before the page is connected to it, and what is run then is lost.
_AWAIT_KERNEL = """async () => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  await sessionContext.ready;
  await sessionContext.session.kernel.info;
}"""


class LabPage:
    """A page with JupyterLab.

    Parameters
    ----------
    page : Page
        Of a user who is signed in.
    url : str
        The user's server, ending with a slash.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        expect.set_options(timeout=60_000)

    def open(self, path: str) -> None:
        """Open a notebook in a clean workspace, as a person who has answered Lab's first questions."""
        self.page.goto(f"{self.url}lab/tree/{path}?reset")
        self.ready()

    def open_without_kernel(self, path: str) -> None:
        """Open a notebook in a clean workspace, with no kernel."""
        self.page.goto(f"{self.url}lab?reset")
        self.page.wait_for_function("window.jupyterapp")
        self.page.evaluate(_OPEN_WITHOUT_KERNEL, path)
        self.ready()

    def leave(self) -> None:
        """Leave JupyterLab."""
        self.page.goto("about:blank")

    def run_here(self, cell: int) -> None:
        """Run a cell in the local kernel, as a person does."""
        self.page.evaluate(_AWAIT_KERNEL)
        self.cells.nth(cell).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def reload(self) -> None:
        """Load the page again, as somebody who doesn't mind unsaved work."""
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        """Wait until the notebook and our buttons are there."""
        expect(self.button("perijove-run")).to_be_visible()
        expect(self.cells.first).to_be_visible()

    def button(self, item: str) -> Locator:
        """Return a button of the notebook's toolbar."""
        return self.page.locator(f"[data-jp-item-name='{item}'] :is(jp-button, button)").first

    @property
    def cells(self) -> Locator:
        """The code cells."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def output(self, cell: int) -> Locator:
        """Return what a code cell shows."""
        return self.cells.nth(cell).locator(".jp-Cell-outputArea")

    def badge(self, cell: int) -> Locator:
        """Return the line below a code cell's code."""
        return self.cells.nth(cell).locator(".pj-Badge")

    @property
    def state(self) -> Locator:
        """The notebook's run, in its toolbar."""
        return self.page.locator(".pj-RunState-open")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.locator(".jp-Dialog")

    def accept(self) -> None:
        """Press the dialog's own button, and see it close."""
        self.dialog.locator(".jp-Dialog-footer .jp-mod-accept").click()
        expect(self.dialog).to_have_count(0)

    def run_remotely(self) -> None:
        """Run the notebook for the first time: press the button, and the dialog's."""
        self.button("perijove-run").click()
        expect(self.dialog.locator(".pj-RunDialog")).to_be_visible()
        self.accept()

    def edit(self, cell: int, source: str) -> None:
        """Write a cell's source anew."""
        self.cells.nth(cell).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Escape")

    def expect_state(self, status: str) -> None:
        """Wait until the notebook's run has this status."""
        expect(self.state).to_have_attribute("data-state", status)
