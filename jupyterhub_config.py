"""A working JupyterHub with Perijove on one machine: ``jupyterhub -f jupyterhub_config.py``.

``make up`` and ``make demo`` start it, and it is a starting point for a configuration of your own: keep the last line
and replace the rest. It listens on loopback only, and keeps all state below ``PERIJOVE_DATA_DIR`` (``.perijove/``).

Environment
-----------
PORT
    The port people use (8000).
PERIJOVE_DATA_DIR
    Where all state lies (``.perijove``).
PERIJOVE_SETUP_TOKEN
    If set, a service ``perijove-setup`` with this token may make tokens for the three users.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from jupyterhub.spawner import Spawner

import perijove_hub
from perijove.ports import free_ports

HERE = Path(__file__).resolve().parent
STATE = Path(os.environ.get("PERIJOVE_DATA_DIR", HERE / ".perijove")).resolve()
PORT = int(os.environ.get("PORT", "8000"))
USERS = {"demo", "guest"}
ADMINS = {"admin"}

c = get_config()  # noqa: F821 - JupyterHub provides it


def _secret(name: str) -> str:
    """Return a secret that is made once and kept in the state folder, readable by its owner only."""
    path = STATE / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
_hub_port, _proxy_port, _service_port = [port for port in free_ports(4) if port != PORT][:3]

# The Hub and its proxy, on loopback.
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{_hub_port}"
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "jupyterhub_cookie_secret")
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{_proxy_port}"
c.ConfigurableHTTPProxy.auth_token = _secret("proxy-token")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "jupyterhub-proxy.pid")
_proxy = HERE / "node_modules" / ".bin" / "configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [str(_proxy) if _proxy.exists() else shutil.which("configurable-http-proxy") or ""]

# Everybody signs in with a password made for this folder; `cat .perijove/password`.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = _secret("password")
c.SharedPasswordAuthenticator.admin_password = _secret("admin-password")
c.Authenticator.allowed_users = USERS | ADMINS
c.Authenticator.admin_users = ADMINS

# Notebook servers run as the user who started the Hub, each in a folder of its own.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(STATE / "home" / "{username}")
c.Spawner.default_url = "/lab"
# JupyterLab asks nobody outside for news and updates here, and so does not greet a new user with a question about them.
c.Spawner.environment = {"JUPYTER_CONFIG_PATH": str(HERE / "deploy" / "jupyter")}
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]  # Jupyter Server refuses root without it


def _with_examples(spawner: Spawner) -> None:
    """Give a new user's folder the examples, so that the first notebook to try is there."""
    folder = STATE / "home" / spawner.user.name / "examples"
    if not folder.exists():
        shutil.copytree(HERE / "examples", folder, ignore=shutil.ignore_patterns(".*"))


c.Spawner.pre_spawn_hook = _with_examples

if setup_token := os.environ.get("PERIJOVE_SETUP_TOKEN"):
    c.JupyterHub.services = [{"name": "perijove-setup", "api_token": setup_token, "display": False}]
    c.JupyterHub.load_roles = [
        {
            "name": "perijove-setup",
            "description": "Make tokens for the users of this configuration",
            "scopes": [f"tokens!user={user}" for user in sorted(USERS | ADMINS)],
            "services": ["perijove-setup"],
        }
    ]

# The group `local` runs what these users submit on this machine, as the user who started the Hub: leave it out where
# people do not trust each other, and start agents on other machines.
perijove_hub.configure(c, data_dir=STATE, port=_service_port, local_group="local")
