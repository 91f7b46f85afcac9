"""The checkout's own Hub on the servers of the benchmark."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub puts it here
load_subconfig(str(Path(__file__).parents[1] / "jupyterhub_config.py"))  # noqa: F821 - likewise

for service in c.JupyterHub.services:
    if service["name"] == "perijove":
        service["command"] += os.environ["PERIJOVE_BENCH_SETTINGS"].split()
