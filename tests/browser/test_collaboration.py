"""With jupyter-collaboration several pages share one document: one of them writes, and all of them show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from gates import Gate
from lab_page import KERNEL, PATIENCE, USER, LabPage, sign_in, write_settings
from perijove_local.home import Home
from perijove_local.hub import Hub
from playwright.sync_api import Browser, BrowserContext, expect

from perijove.ports import free_ports

_COLLABORATION = Path(sys.prefix, "collaboration")


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A JupyterHub whose notebook servers have jupyter-collaboration."""
    assert _COLLABORATION.is_dir(), "jupyter-collaboration is not installed: tools/install-collaboration"
    beside = {
        "PERIJOVE_TEST_PYTHONPATH": str(_COLLABORATION),
        "PERIJOVE_TEST_JUPYTER_PATH": str(_COLLABORATION / "share/jupyter"),
        "PERIJOVE_TEST_JUPYTER_CONFIG_PATH": str(_COLLABORATION / "etc/jupyter"),
    }
    home = Home(tmp_path_factory.mktemp("shared"))
    hub = Hub(home, free_ports(1)[0], Path(__file__).with_name("hub_config.py"), beside)
    hub.start()
    yield hub
    hub.stop(patience=90)


@pytest.fixture(scope="module")
def cookies(browser: Browser, shared_hub: Hub) -> dict[str, Any]:
    """The cookies of a user of that Hub."""
    state = sign_in(browser, shared_hub)
    write_settings(shared_hub.home.path / "home" / USER, "notification", '{"fetchNews": "false"}')
    return state


@pytest.fixture
def pages(
    browser: Browser, shared_hub: Hub, cookies: dict[str, Any], request: pytest.FixtureRequest
) -> Iterator[tuple[LabPage, LabPage]]:
    """Two people's pages: each with a browser profile of its own."""
    contexts: list[BrowserContext] = []
    for _ in range(2):
        context = browser.new_context(storage_state=cookies)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
    first, second = (LabPage(context.new_page(), f"{shared_hub.url}user/{USER}/") for context in contexts)
    yield first, second
    second.page.screenshot(
        path=Path(__file__).with_name("screenshots") / f"{request.node.name.removeprefix('test_')}.png"
    )
    first.page.screenshot(
        path=Path(__file__).with_name("screenshots") / f"{request.node.name.removeprefix('test_')}-1.png"
    )
    for context in contexts:
        context.close()


@pytest.fixture
def notebook(shared_hub: Hub, gate: Gate, request: pytest.FixtureRequest) -> str:
    """A notebook whose first cell waits, in a folder of its own."""
    sources = (gate.source("begun", "the rest"), "for n in range(5):\n    print(n, flush=True)")
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    home = shared_hub.home.path / "home" / USER
    file = home / request.node.name / "work.ipynb"
    file.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), file)
    return str(file.relative_to(home))


def test_two_pages_show_every_output_once(pages: tuple[LabPage, LabPage], notebook: str, gate: Gate) -> None:
    first, second = pages
    for page in pages:
        page.open(notebook)
    first.run_remotely()
    for page in pages:
        expect(page.output(0)).to_have_text("begun")
    gate.open()
    for page in pages:
        page.expect_state("complete")
        expect(page.output(0)).to_have_text("begun\nthe rest")
        expect(page.output(1)).to_have_text("0\n1\n2\n3\n4")
        expect(page.badge(1)).to_have_attribute("data-state", "done")
    assert second.output(1).inner_text().split() == [*"01234"]


def test_another_page_writes_on_when_the_writer_leaves(
    pages: tuple[LabPage, LabPage], notebook: str, gate: Gate
) -> None:
    first, second = pages
    for page in pages:
        page.open(notebook)
    first.run_remotely()
    expect(second.output(0)).to_have_text("begun")
    first.page.goto("about:blank")
    gate.open()
    second.expect_state("complete")
    expect(second.output(0)).to_have_text("begun\nthe rest")
    expect(second.output(1)).to_have_text("0\n1\n2\n3\n4")
