"""What JupyterLab does with a remote run, through the server it runs on."""

from __future__ import annotations

import hashlib
import json

import pytest
from masters import told
from nbformat.v4 import new_code_cell, new_notebook

FAST = {"group": "local", "parameters": {"epochs": 2}}


def cells(*sources):
    """A document in the server's own folder, with these code cells."""
    made = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources, 1)]
    return {"path": "made.ipynb", "content": new_notebook(cells=made), "choices": {"group": "local"}}


async def submit(ask, document):
    reply = await ask("POST", "submit", document)
    assert reply.code == 201, reply.body
    sent = told(reply)
    return sent["execution"]["id"], sent["cells"]


async def follow(page, execution, after=None, until=lambda _: False):
    """Every message of a watch, to its end or to the one looked for."""
    await page.say({"watch": execution, "execution": execution, "after": after})
    messages = []
    while not messages or not (messages[-1]["type"] == "end" or until(messages[-1])):
        messages.append(await page.hear())
        assert messages[-1]["type"] != "error", messages[-1]
    return messages


def records(messages):
    return [record for message in messages if message["type"] == "records" for record in message["records"]]


def numbers(messages):
    return [record["n"] for record in records(messages)]


async def test_the_example_shows_what_it_needs_before_it_is_sent(ask, digits):
    preview = told(await ask("POST", "preview", {**digits, "cells": ["curve"]}))
    assert [field["const"] for field in preview["schema"]["properties"]["group"]["oneOf"]] == ["local"]
    assert preview["values"]["parameters"] == {"epochs": 30, "learning_rate": 0.001, "hidden": 64, "seed": 7}
    assert [cell["id"] for cell in preview["along"]["needed"]] == ["parameters", "data", "training", "curve"]
    assert [cell["id"] for cell in preview["along"]["only"]] == ["curve"]
    assert preview["snapshot"]["size"] > 0


async def test_one_cell_of_the_example_runs_with_what_it_needs_and_its_plot_comes_back(ask, page, digits):
    execution, running = await submit(ask, {**digits, "cells": ["curve"], "choices": FAST})
    assert running[-1] == "curve"
    assert "mistakes" not in running
    messages = await follow(page, execution)
    assert numbers(messages) == [*range(1, len(numbers(messages)) + 1)]
    ended = [r["cell"] for r in records(messages) if r["kind"] == "cell" and r["state"] == "done"]
    assert ended[-1] == "curve"
    plots = [r for r in records(messages) if r["kind"] == "output" and "image/png" in r["content"].get("data", {})]
    assert [plot["cell"] for plot in plots] == ["curve"]
    last = [message["execution"] for message in messages if message["type"] == "execution"][-1]
    assert (last["status"], last["spec"]["notebook"]["path"]) == ("complete", "digits.ipynb")
    assert "test_accuracy" in last["metadata"]


async def test_a_page_that_comes_back_hears_the_rest_and_nothing_twice(ask, jp_ws_fetch, page):
    execution, _ = await submit(ask, cells("for i in range(20): print(i, flush=True)", "print('end')"))
    whole = await follow(page, execution)
    half = numbers(whole)[len(numbers(whole)) // 2]
    rest = await follow(page, execution, f"1-{half}")
    assert numbers(rest) == numbers(whole)[numbers(whole).index(half) + 1 :]
    assert rest[-1]["type"] == "end"


async def test_an_output_is_downloaded_through_the_server(ask, page):
    write = "Path(os.environ['PERIJOVE_OUTPUTS'], 'a b?.bin').write_bytes(bytes(range(256)) * 9000)"
    execution, _ = await submit(ask, cells(f"import os\nfrom pathlib import Path\n{write}"))
    await follow(page, execution)
    outputs = told(await ask("GET", f"master/executions/{execution}/outputs"))["items"]
    output = next(each for each in outputs if each["name"] == "a b?.bin")
    address = f"master/executions/{execution}/outputs/a b?.bin"
    reply = await ask("GET", address)
    assert (reply.code, len(reply.body)) == (200, output["size"])
    assert hashlib.sha256(reply.body).hexdigest() == output["sha256"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    part = await ask("GET", address, headers={"Range": "bytes=254-257"})
    assert (part.code, part.body) == (206, b"\xfe\xff\x00\x01")


async def test_the_notebook_that_ran_is_opened_through_the_server(ask, page):
    execution, _ = await submit(ask, cells("print(6 * 7)"))
    await follow(page, execution)
    ran = told(await ask("GET", f"master/executions/{execution}/notebook"))
    assert ran["cells"][0]["outputs"][0]["text"] in ("42\n", ["42\n"])


async def test_two_clicks_in_the_home_folder_send_the_same_code(ask, jp_root_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(jp_root_dir))
    (jp_root_dir / "helper.py").write_text("answer = 42\n")
    codes = []
    for click in range(2):
        state = jp_root_dir / ".jupyter" / "lab" / "workspaces" / "default.jupyterlab-workspace"
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(str(click))
        execution, _ = await submit(ask, cells("import helper"))
        codes.append(told(await ask("GET", f"master/executions/{execution}"))["spec"]["code"])
    assert codes[0] == codes[1]


async def test_a_run_is_stopped_through_the_server(ask, page):
    execution, _ = await submit(ask, cells("import time\nprint('on', flush=True)\nwhile True: time.sleep(0.1)"))

    def prints(message):
        return any(r["kind"] == "output" for r in message.get("records", ()))

    begun = await follow(page, execution, until=prints)
    stopped = await ask("POST", f"master/executions/{execution}/stop")
    assert told(stopped)["status"] in {"stopping", "stopped"}
    rest = []
    while not rest or rest[-1]["type"] != "end":
        rest.append(await page.hear())
    last = [message["execution"] for message in rest if message["type"] == "execution"][-1]
    assert (last["status"], last["reason"]) == ("stopped", "stopped_by_user")
    assert numbers(begun + rest) == [*range(1, len(numbers(begun + rest)) + 1)]


async def test_two_runs_are_watched_over_one_socket(ask, page):
    ids = [(await submit(ask, cells(f"print({name!r})")))[0] for name in "ab"]
    for execution in ids:
        await page.say({"watch": execution, "execution": execution})
    heard = {execution: [] for execution in ids}
    while not all(messages and messages[-1]["type"] == "end" for messages in heard.values()):
        message = await page.hear()
        heard[message["watch"]].append(message)
    printed = {
        execution: "".join(r["content"]["text"] for r in records(messages) if r.get("message") == "stream")
        for execution, messages in heard.items()
    }
    assert printed == dict(zip(ids, ["a\n", "b\n"], strict=True))


async def test_a_failure_comes_back_as_it_happened(ask, page):
    execution, _ = await submit(ask, cells("1 / 0"))
    messages = await follow(page, execution)
    (error,) = [r["content"] for r in records(messages) if r.get("message") == "error"]
    assert error["ename"] == "ZeroDivisionError"
    last = [message["execution"] for message in messages if message["type"] == "execution"][-1]
    assert (last["status"], last["reason"]) == ("error", "cell_error")


class TestWithARefusedToken:
    @pytest.fixture
    def token(self):
        return "0" * 32

    async def test_everything_says_so_and_nothing_looks_like_a_lost_session(self, ask, page, digits):
        status = told(await ask("GET", "status"))
        assert (status["connected"], status["error"]["code"]) == (False, "unauthenticated")
        for method, path, body in [
            ("GET", "master/executions", None),
            ("POST", "submit", {**digits, "choices": FAST}),
            ("POST", "preview", digits),
        ]:
            reply = await ask(method, path, body)
            assert (reply.code, told(reply)["error"]["code"]) == (502, "unauthenticated"), path
        await page.say({"watch": "0", "execution": "ex-00000000000000000000000001"})
        assert (await page.hear())["code"] == "unauthenticated"


class TestOnALaptop:
    """No Hub started this server, and nothing is configured: the person says where the platform is."""

    @pytest.fixture
    def extension_config(self):
        return {}

    async def test_an_address_and_a_token_are_checked_and_then_serve(self, ask, page, hub, alice):
        assert told(await ask("GET", "status"))["error"]["code"] == "not_configured"
        wrong = [(hub.url, alice.settings.token, "not_perijove"), (hub.service_url, "nonsense", "unauthenticated")]
        for url, token, code in [*wrong, ("http://127.0.0.1:1/", "t", "connection_lost")]:
            reply = await ask("PUT", "settings", {"url": url, "token": token})
            assert told(reply)["error"]["code"] == code
        kept = told(await ask("PUT", "settings", {"url": hub.service_url, "token": alice.settings.token}))
        assert (kept["info"]["user"], kept["source"]) == ("alice", "settings")
        assert alice.settings.token not in json.dumps(kept)
        await page.left()
        execution, _ = await submit(ask, cells("print(1)"))
        assert told(await ask("GET", f"master/executions/{execution}"))["owner"] == "alice"
