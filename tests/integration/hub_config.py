"""The checkout's own Hub, with the users of the tests and limits that are reached quickly."""

import os
from pathlib import Path

from jupyterhub.services import service as services
from traitlets import Integer

c = get_config()  # noqa: F821 - JupyterHub puts it here
load_subconfig(str(Path(__file__).parents[2] / "jupyterhub_config.py"))  # noqa: F821 - likewise

USERS = ("alice", "bob")
c.Authenticator.allowed_users |= set(USERS)
for role in c.JupyterHub.load_roles:
    if role["name"] == "perijove-setup":
        role["scopes"] += [f"tokens!user={user}" for user in USERS]
for service in c.JupyterHub.services:
    if service["name"] == "perijove":
        service["command"] += os.environ["PERIJOVE_TEST_SETTINGS"].split()


class _Watched(services._ServiceSpawner):
    """Looks every second whether a service has ended, to start it again; the Hub's own does every thirty."""

    poll_interval = Integer(1)


services._ServiceSpawner = _Watched  # it takes no configuration
