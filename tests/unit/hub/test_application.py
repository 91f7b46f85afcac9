from __future__ import annotations

import stat
import subprocess
import sys

import pytest
from traitlets.config import Config

from perijove.errors import Unavailable
from perijove_hub.application import PerijoveHub, _kept_secret

PREFIX = "/services/perijove/"


@pytest.fixture
def application(tmp_path, monkeypatch) -> PerijoveHub:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:10200")
    for name in ("DATA_DIR", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(f"PERIJOVE_{name}", raising=False)
    return PerijoveHub()


def test_it_listens_where_the_hub_says(application):
    assert application.service_url == "http://127.0.0.1:10200"


def test_local_agents_come_past_the_proxy(application):
    assert application._platform_settings(PREFIX) == {"local_url": "http://127.0.0.1:10200/services/perijove/"}


def test_the_environment_sets_what_the_configuration_does_not(application, monkeypatch):
    monkeypatch.setenv("PERIJOVE_DATA_DIR", "/from/the/environment")
    monkeypatch.setenv("PERIJOVE_PUBLIC_URL", "https://hub.example.org/services/perijove")
    application.update_config(Config(Platform={"data_dir": "/from/the/file"}))
    settings = application._platform_settings(PREFIX)
    assert settings["public_url"] == "https://hub.example.org/services/perijove"
    assert "data_dir" not in settings


def test_the_command_line_wins_over_the_configuration_file(application, tmp_path):
    (tmp_path / "perijove_config.py").write_text(
        "c.Platform.local_max_workers = 5\nc.PerijoveHub.shutdown_timeout = 2.0\n"
    )
    application.parse_command_line(["--Platform.local_max_workers=7"])
    application.load_given()
    assert application.config.Platform.local_max_workers == 7
    assert application.shutdown_timeout == 2.0


def test_a_restart_signs_nobody_out(tmp_path):
    path = tmp_path / "state" / "cookie_secret"
    first = _kept_secret(path)
    assert len(first) == 32
    assert _kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def refusal(application: PerijoveHub, *arguments: str) -> Unavailable:
    application.parse_command_line(list(arguments))
    with pytest.raises(Unavailable) as refused:
        application.load_given()
    assert refused.value.hint
    return refused.value


def test_a_configuration_that_was_named_and_is_missing_ends_the_start(application):
    assert "no configuration file /nonexistent" in refusal(application, "--config=/nonexistent").message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("c.Platform.data_dir = \n", "line 1 cannot be read: SyntaxError"),
        ("import nowhere\n", "ModuleNotFoundError"),
        ("raise SystemExit('no')\n", "SystemExit"),
        ("c.Platform.data_dir = '\ud83d'\n".encode("utf-8", "surrogatepass"), "cannot be read"),
    ],
)
def test_a_configuration_that_is_broken_ends_the_start_with_a_sentence(application, tmp_path, content, said):
    path = tmp_path / "perijove_config.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said in refusal(application).message


def test_a_setting_that_there_is_not_ends_the_start(application, tmp_path):
    (tmp_path / "perijove_config.py").write_text("c.Platform.database_ulr = 'postgresql://db/perijove'\n")
    refused = refusal(application)
    assert "sets Platform.database_ulr" in refused.message
    assert "database_url" in refused.hint


@pytest.mark.parametrize("arguments", [["--config=/nonexistent"], ["--check", "--config=/nonexistent"]])
def test_the_program_says_why_and_ends_with_status_1(tmp_path, arguments):
    ended = subprocess.run(
        [sys.executable, "-m", "perijove_hub", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "There is no configuration file /nonexistent." in ended.stderr
    assert "Traceback" not in ended.stderr
