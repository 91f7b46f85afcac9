"""The checkout's own Hub with a person for every role; the service's secrets come from its environment."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub puts it here
load_subconfig(str(Path(__file__).parents[2] / "jupyterhub_config.py"))  # noqa: F821 - likewise

USERS = ("other", "viewer", "member", "owner", "keeper")
c.Authenticator.allowed_users |= set(USERS)
for role in c.JupyterHub.load_roles:
    if role["name"] == "perijove-setup":
        role["scopes"] += [f"tokens!user={user}" for user in USERS]
for service in c.JupyterHub.services:
    if service["name"] == "perijove":
        service["environment"] |= {name: os.environ[name] for name in ("PERIJOVE_DATABASE_URL", "PERIJOVE_REDIS_URL")}
        service["command"] += os.environ["PERIJOVE_TEST_SETTINGS"].split()
