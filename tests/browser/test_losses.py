"""What a page goes through while it watches a run: no network, a lost worker, a Hub that is restarted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from gates import Gate
from lab_page import USER, LabPage, WriteNotebook, start_server
from perijove_local.hub import Hub
from perijove_local.processes import processes_of
from playwright.sync_api import Page, WebSocket, expect
from relays import Relay

#: How often the page is to try in vain before the network is back.
_TRIES = 3
_ATTEMPT = "import os\nprint('attempt', os.environ['PERIJOVE_ATTEMPT'])"


@pytest.fixture
def relay(hub: Hub) -> Iterator[Relay]:
    """A network between page and Hub."""
    relay = Relay(hub.port)
    yield relay
    relay.close()


@pytest.fixture
def far_lab(page: Page, relay: Relay) -> Iterator[LabPage]:
    """JupyterLab at the other end of that network."""
    yield LabPage(page, f"http://127.0.0.1:{relay.port}/user/{USER}/")
    page.context.set_offline(False)


def test_a_page_without_network_shows_the_rest_when_it_is_back(
    far_lab: LabPage, relay: Relay, write_notebook: WriteNotebook, gate: Gate
) -> None:
    lab, page = far_lab, far_lab.page
    lab.open(write_notebook(gate.source("begun", "the rest"), "print('after')"))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    page.context.set_offline(True)
    relay.cut()
    gate.open()
    # There is a network again, and for some tries it leads nowhere.
    page.context.set_offline(False)
    for _ in range(_TRIES):
        page.wait_for_event("websocket", _is_feed)
    expect(lab.output(0)).to_have_text("begun")
    relay.mend()
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("begun\nthe rest")
    expect(lab.output(1)).to_have_text("after")
    expect(lab.badge(1)).to_have_attribute("data-state", "done")


def test_the_cells_show_the_second_attempt_once_when_a_worker_is_lost(
    lab: LabPage, hub: Hub, write_notebook: WriteNotebook, gate: Gate
) -> None:
    lab.open(write_notebook(_ATTEMPT, gate.source("begun", "the rest")))
    lab.run_remotely()
    expect(lab.output(1)).to_have_text("begun")
    expect(lab.output(0)).to_have_text("attempt 1")
    # Found first: what an agent leaves ends with it.
    agents = [p for p in processes_of(hub.home.path) if any("perijove_agent" in part for part in p.cmdline())]
    for process in agents:
        process.kill()
    expect(lab.output(0)).to_have_text("attempt 2")
    expect(lab.output(1)).to_have_text("begun")
    expect(lab.badge(1)).to_have_attribute("data-state", "running")
    gate.open()
    lab.expect_state("complete")
    expect(lab.output(1)).to_have_text("begun\nthe rest")
    for cell in range(2):
        expect(lab.badge(cell)).to_have_attribute("data-state", "done")
        expect(lab.cells.nth(cell).locator(".jp-OutputArea-output")).to_have_count(1)


def test_a_run_outlives_the_restart_of_the_whole_hub(
    lab: LabPage, hub: Hub, write_notebook: WriteNotebook, gate: Gate
) -> None:
    path = write_notebook("print('before')", gate.source("begun", "the rest"))
    lab.open(path)
    lab.run_remotely()
    expect(lab.output(1)).to_have_text("begun")
    lab.leave()
    hub.stop()
    hub.start()
    start_server(hub)
    gate.open()
    lab.open(path)
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("before")
    expect(lab.output(1)).to_have_text("begun\nthe rest")
    expect(lab.badge(1)).to_have_attribute("data-state", "done")


def _is_feed(socket: WebSocket) -> bool:
    return re.search("/perijove/api/feed", socket.url) is not None
