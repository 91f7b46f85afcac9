from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from perijove import __version__
from perijove.cli.root import COMMANDS, root


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_agrees_with_the_command(name):
    command = root.get_command(None, name)
    assert command.name == name
    assert command.get_short_help_str().split()[0] == COMMANDS[name][1].split()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_json(perijove, name):
    told = perijove(name, "--help")
    assert (told.status, told.err) == (0, "")
    assert "--json" in told.out


def test_help_loads_no_heavy_library():
    code = (
        "import sys; from perijove.cli import main; main(['--help']);"
        "print({'httpx', 'pydantic', 'rich', 'asyncio', 'perijove.client'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "set()"


def test_the_version_is_the_packages(perijove):
    assert perijove("--version").out.strip().endswith(__version__)


@pytest.mark.parametrize(
    "arguments",
    [("fly",), ("ls", "--what"), ("ls", "--limit", "0"), ("ls", "--status", "sad"), ("show",), ("run",),
     ("run", "a.ipynb", "--", "true"), ("run", "--", ), ("run", "a.ipynb", "-p", "x"), ("show", "a/b/c"),
     ("compare", "1"), ("compare", "1", "1"), ("run", "a.ipynb", "--memory", "much"),
     ("run", "a.ipynb", "--cpus", "-1"), ("run", "a.ipynb", "--detach", "-o", "b.ipynb"),
     ("run", "a.ipynb", "-e", "=x"), ("run", "a.ipynb", "--memory", "9" * 400), ("run", "a.ipynb", "--cpus", "nan"),
     ("run", "a.ipynb", "--gpus", "9" * 400), ("groups", "token", "g", "--hours", "nan"),
     ("groups", "token", "g", "--hours", "1e400"), ("groups", "token", "g", "--hours", "9000"),
     ("groups", "token", "g", "--uses", "9" * 5000), ("groups", "evict", "g", ""),
     ("groups", "evict", "g", "x" * 100_000), ("ls", "--owner", "x" * 100_000),
     ("projects", "remove", "p", "x" * 100_000),
     ("admin", "hand-over", "", "b"),
     ("logs", "1", "-f", "--attempt", "1")],
)  # fmt: skip
def test_bad_arguments_are_told_with_exit_status_2(perijove, arguments):
    told = perijove(*arguments)
    assert told.status == 2
    assert told.out == ""
    assert told.err.startswith("Error: ")


@pytest.mark.parametrize("limit", ["1", "9" * 400])
@pytest.mark.parametrize("command", [("ls",), ("events", "rejected"), ("admin", "audit")], ids=" ".join)
def test_a_list_takes_any_limit_and_asks_for_no_more(perijove, service, command, limit):
    for route in ("GET executions", "GET events/rejected", "GET audit"):
        service.items(route)
    assert perijove(*command, "--limit", limit).status == 0
    assert service.asked[-1].url.params["limit"] == str(min(int(limit), 100))


def test_bad_arguments_are_told_as_json(perijove):
    told = perijove("ls", "--json", "--what")
    assert told.status == 2
    assert json.loads(told.err)["error"]["code"] == "usage"


def test_what_the_user_did_wrong_is_told_with_its_hint(perijove, service):
    service.error("GET executions", 404, "unknown_project", "There is no project 'x'.", "Look at them.")
    told = perijove("ls", "--project", "x")
    assert (told.status, told.err) == (2, "Error: There is no project 'x'.\nHint: Look at them.\n")


def test_an_error_comes_as_the_service_writes_it_with_json(perijove, service):
    service.error("GET executions", 403, "forbidden", "No.", "Ask.")
    told = perijove("ls", "--json")
    assert told.status == 2
    assert json.loads(told.err) == {"error": {"code": "forbidden", "message": "No.", "hint": "Ask."}}


def test_a_failure_of_the_service_is_an_error_and_not_the_users(perijove, service):
    service.error("GET executions", 500, "internal_error", "It failed.")
    assert perijove("ls").status == 1


def test_a_connection_that_is_lost_is_an_error_with_a_hint(perijove, service):
    service.answers["GET executions"] = httpx.Response(500, html="<h1>Bad</h1>")
    told = perijove("ls")
    assert told.status == 1
    assert "Hint: Check PERIJOVE_URL" in told.err


def test_without_an_address_the_hint_says_where_to_set_it(perijove, monkeypatch):
    monkeypatch.delenv("PERIJOVE_URL")
    told = perijove("ls")
    assert told.status == 2
    assert "PERIJOVE_URL" in told.err


def test_an_address_with_no_real_host_is_told_in_a_sentence(perijove, monkeypatch):
    monkeypatch.setenv("PERIJOVE_URL", "http://xn--\u2603-/")
    told = perijove("ls")
    assert (told.status, told.err.splitlines()[-1]) == (2, "Hint: A name is too long, or PERIJOVE_URL is not right.")


def test_an_error_cannot_drive_the_terminal(perijove, service):
    service.error("GET executions", 422, "invalid_spec", "\x1b]0;owned\x07")
    assert perijove("ls").err.startswith("Error: ␛]0;owned␇")


def test_a_file_that_cannot_be_written_is_told_without_a_traceback(perijove, execution, service, tmp_path):
    made = execution()
    service.answers[f"GET executions/{made['id']}/notebook"] = httpx.Response(200, text="{}")
    (tmp_path / "file").write_text("")
    told = perijove("notebook", "12", "-o", str(tmp_path / "file" / "x.ipynb"))
    assert told.status == 1
    assert told.err.startswith("Error: ")


def test_a_reader_that_leaves_ends_the_command_quietly():
    program = f"{sys.executable} -c 'from perijove.cli import main; raise SystemExit(main([\"--help\"]))' | true"
    told = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert told.stderr == ""
