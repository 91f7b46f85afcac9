"""A token is not sent where others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from perijove_agent.__main__ import main
from perijove_agent.secrecy import is_private


@pytest.mark.parametrize(
    "url",
    ["https://hub.example/", "http://localhost:8000/", "http://127.3.2.1/", "http://[::1]:80/", "http://a.localhost"],
)
def test_what_is_encrypted_or_stays_here_is_private(url: str) -> None:
    assert is_private(url)


@pytest.mark.parametrize(
    "url", ["http://hub.example/", "http://10.0.0.1/", "http://localhost.example/", "hub.example", "http://[::1"]
)
def test_what_crosses_a_network_in_the_clear_is_not(url: str) -> None:
    assert not is_private(url)


def test_an_agent_refuses_to_send_its_token_in_the_clear(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    options = ["--url", "http://hub.example/", "--group", "g", "--token-file", str(tmp_path / "token")]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 2
    assert "--insecure on a network that you trust" in " ".join(done.output.split())
    assert "secret" not in done.output
