"""A real JupyterHub with JupyterLab, and Chromium signed in to it; each test gets a page and leaves a screenshot."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from gates import Gate
from lab_page import KERNEL, PATIENCE, USER, LabPage, WriteNotebook, sign_in, write_settings
from perijove_local.home import Home
from perijove_local.hub import Hub
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from perijove.ports import free_ports

_BUILT = Path(sys.prefix, "share/jupyter/labextensions/@perijove/labextension/package.json")
_SCREENSHOTS = Path(__file__).with_name("screenshots")
#: Without a graphics card, a sandbox's rights and anything that speaks to the outside.
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A JupyterHub of its own port and data directory, with the built front end."""
    assert _BUILT.is_file(), "the front end is not built: make labextension"
    home = Home(tmp_path_factory.mktemp("platform"))
    hub = Hub(home, free_ports(1)[0], Path(__file__).with_name("hub_config.py"))
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests need Chromium: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=[*_ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(hub: Hub, signed_in: dict[str, Any]) -> Path:
    """The folder that the user's JupyterLab shows, where Lab's question about news has been answered."""
    folder = hub.home.path / "home" / USER
    write_settings(folder, "notification", '{"fetchNews": "false"}')
    return folder


@pytest.fixture(scope="session")
def signed_in(hub: Hub, browser: Browser) -> dict[str, Any]:
    """The cookies of a user who signed in on the Hub's page, and whose server runs."""
    return sign_in(browser, hub)


@pytest.fixture
def context(browser: Browser, signed_in: dict[str, Any]) -> Iterator[BrowserContext]:
    """A browser profile of this test's own, signed in."""
    context = browser.new_context(storage_state=signed_in, viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def expected_errors() -> str:
    """What Chromium may log as an error of the page's."""
    # A page that is left closes its requests and sockets under way.
    return "net::ERR_|WebSocket connection"


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest, expected_errors: str) -> Iterator[Page]:
    """A page; what our extension throws or logs as an error fails the test, and the last sight of it is kept."""
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not re.search(expected_errors, message.text):
            problems.append(f"{message.text} ({message.location['url']})")

    page.on("pageerror", lambda error: problems.append(f"{error}\n{error.stack}"))
    page.on("console", note)
    yield page
    if not page.is_closed():
        _SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=_SCREENSHOTS / f"{request.node.name.removeprefix('test_')}.png")
    ours = [problem for problem in problems if "perijove" in problem]
    assert not ours, "\n".join(ours)


@pytest.fixture
def lab(page: Page, hub: Hub, folder: Path) -> LabPage:
    """JupyterLab in that page."""
    return LabPage(page, f"{hub.url}user/{USER}/")


@pytest.fixture
def write_notebook(folder: Path, request: pytest.FixtureRequest) -> WriteNotebook:
    """Return a function that writes a notebook of code cells into a folder of its own; it returns the path in Lab.

    With `parameters`, the first cell holds them.
    """

    def write(*sources: str, name: str = "work", parameters: bool = False, **metadata: Any) -> str:
        cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
        if parameters:
            cells[0].metadata["tags"] = ["parameters"]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, **metadata})
        file = folder / request.node.name / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, file)
        return str(file.relative_to(folder))

    return write


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """What a cell of this test waits for."""
    return Gate(tmp_path / "gate")
