"""The checkout's own Hub, whose notebook servers see what the tests give them beside what is installed."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub puts it here
load_subconfig(str(Path(__file__).parents[2] / "jupyterhub_config.py"))  # noqa: F821 - likewise

# Perijove adds its own variables to these: what is there stays.
c.Spawner.environment |= {
    name: os.environ[f"PERIJOVE_TEST_{name}"]
    for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "PYTHONPATH")
    if f"PERIJOVE_TEST_{name}" in os.environ
}

# With jupyter-collaboration an interrupted server ends only once its rooms are cleaned up; a second signal ends it.
c.LocalProcessSpawner.interrupt_timeout = 2

# What a person can't see, the tests ask JupyterLab itself: whether a kernel is connected, and which cell is where.
c.Spawner.args.append("--LabApp.expose_app_in_browser=True")
