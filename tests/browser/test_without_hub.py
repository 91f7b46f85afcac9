"""JupyterLab on a laptop: no Hub has started it, and a person says which service it shall use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import nbformat
import psutil
import pytest
from lab_page import KERNEL, USER, LabPage
from perijove_local.home import ROOT
from perijove_local.hub import Hub
from perijove_local.processes import end
from playwright.sync_api import Page, expect
from waiting import until

from perijove.ports import free_ports

_SETTINGS = ROOT / "deploy" / "jupyter"


@pytest.fixture
def expected_errors(expected_errors: str) -> str:
    """Chromium logs what the server refuses, too."""
    return f"{expected_errors}|status of (400|409|502)"


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab with one notebook, which knows of no service."""
    cells = [nbformat.v4.new_code_cell("print('from', 'afar')")]
    shown = tmp_path / "shown"
    shown.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), shown / "work.ipynb")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    port, token = free_ports(1)[0], "of-this-laptop"
    options = ("--no-browser", "--allow-root", f"--port={port}", f"--IdentityProvider.token={token}")
    shows_itself = "--LabApp.expose_app_in_browser=True"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, shows_itself, "--ServerApp.port_retries=0"],
            cwd=shown, env={**kept, "HOME": str(tmp_path), "JUPYTER_CONFIG_PATH": str(_SETTINGS)},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: server.poll() is not None or _answers(f"{url}api"), 60)
        assert server.poll() is None, (tmp_path / "log").read_text()
        yield f"{url}?token={token}"
    finally:
        program = psutil.Process(server.pid)
        end([program, *program.children(recursive=True)])
        server.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_a_person_without_a_hub_names_a_service_and_runs_a_cell(page: Page, laptop: str, hub: Hub) -> None:
    page.request.get(laptop).dispose()  # which signs in
    lab = LabPage(page, laptop.partition("?")[0])
    lab.open_without_kernel("work.ipynb")
    lab.button("perijove-run").click()
    problem = lab.dialog.get_by_role("alert")
    expect(problem).to_have_text("This Jupyter server does not know which Perijove service to use.")
    expired = _expired(hub)
    for address, token, wrong in [
        ("", expired, "There is no address"),
        ("hub.example.org", expired, "is not the address of a Perijove service"),
        (f"http://127.0.0.1:{free_ports(1)[0]}/", expired, "cannot be reached"),
        (hub.url, expired, "is not a Perijove service. It usually ends with /services/perijove/"),
        (hub.service_url, "", "There is no token"),
        (hub.service_url, "nonsense", "refuses the token"),
        (hub.service_url, expired, "refuses the token. It may have expired or been revoked."),
    ]:
        _say(lab, address, token)
        expect(problem).to_contain_text(wrong)
        expect(lab.dialog.get_by_label("Address")).to_have_value(address)
    _say(lab, hub.service_url, hub.token(USER))
    expect(page.get_by_text(f"Connected to {hub.service_url} as {USER}.")).to_be_visible()
    expect(lab.dialog.locator(".pj-RunDialog")).to_be_visible()
    lab.accept()
    expect(lab.output(0)).to_have_text("from afar")
    lab.expect_state("complete")
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_role("menuitem", name=re.compile("Connect to Perijove")).click()
    expect(lab.dialog.get_by_label("Address")).to_have_value(hub.service_url)
    expect(lab.dialog.get_by_label("Token")).to_have_value("")


def _say(lab: LabPage, address: str, token: str) -> None:
    lab.dialog.get_by_label("Address").fill(address)
    lab.dialog.get_by_label("Token").fill(token)
    lab.dialog.get_by_role("button", name="Connect").click()


def _expired(hub: Hub) -> str:
    """Return a token that was good for a second."""
    with httpx.Client(headers={"Authorization": f"token {hub.token(USER)}"}, timeout=60) as api:
        made = api.post(f"{hub.url}hub/api/users/{USER}/tokens", json={"expires_in": 1}).raise_for_status()
    token = str(made.json()["token"])
    until(lambda: not hub.accepts(token))
    return token
