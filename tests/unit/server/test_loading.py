"""What a Jupyter server pays for the extension when it starts."""

from __future__ import annotations

import json
import subprocess
import sys

import perijove_server

#: Takes long to import, or drags in what does: it is for requests, not for the start.
HEAVY = {"IPython", "anyio", "click", "httpcore", "httpx", "papermill", "pydantic", "pydantic_core", "redis", "rich"}
HEAVY |= {"nbclient", "nbconvert", "sqlalchemy", "zstandard", "ssl"}
LOAD = """
import json, sys
import jupyter_server.serverapp
import jupyter_server.services.contents.largefilemanager
before = set(sys.modules)
import perijove_server
(point,) = perijove_server._jupyter_server_extension_points()
app = point["app"]()
app.initialize_settings()
app.initialize_handlers()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_loading_the_extension_imports_nothing_heavy():
    told = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=60)
    loaded = json.loads(told.stdout)
    assert "perijove_server.handlers.feed" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in HEAVY}
    # Ours, and what little is not yet there: a sudden dozen more is worth a look.
    assert len([name for name in loaded if not name.startswith(("perijove", "perijove_server"))]) < 20


def test_the_server_finds_the_extension_and_jupyterlab_its_front_end():
    (point,) = perijove_server._jupyter_server_extension_points()
    assert (point["module"], point["app"].name) == ("perijove_server", "perijove")
    assert perijove_server._jupyter_labextension_paths() == [
        {"src": "labextension", "dest": "@perijove/labextension"},
    ]


def test_what_traitlets_say_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("PERIJOVE_URL", "https://environment.example.org/")
    (point,) = perijove_server._jupyter_server_extension_points()
    assert point["app"]().url == "https://environment.example.org/"
    assert point["app"](url="https://configured.example.org/").url == "https://configured.example.org/"


def test_the_front_end_is_of_the_same_version(root):
    manifest = json.loads((root / "labextension" / "package.json").read_text())
    assert manifest["version"] == perijove_server.__version__
