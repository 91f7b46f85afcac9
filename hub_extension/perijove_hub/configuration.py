"""What ``jupyterhub_config.py`` calls. It merges with what the configuration already says; call it last.

Only traitlets and JupyterHub are needed to import this: the Hub's process loads nothing else of Perijove.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jupyterhub
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from perijove.ports import free_ports
from perijove_hub.environment import ENVIRONMENT
from perijove_hub.scopes import ADMIN, SERVICE, SERVICE_SCOPES, SUBMIT, USER_SCOPES, access_scope, custom_scopes

#: What the Hub gives a server's token when `Spawner.server_token_scopes` is not set (its role ``server``).
_SERVER_SCOPES = ("users:activity!user", "access:servers!server")
_EXTRA_USER_SCOPES_SINCE = 6


def configure(
    c: Config,
    *,
    name: str = SERVICE,
    port: int | None = None,
    data_dir: str | Path = ".perijove",
    config_file: str | Path | None = None,
    public_url: str = "",
    admins: Collection[str] = (),
    admin_groups: Collection[str] = (),
    database_url: str = "",
    redis_url: str = "",
    local_group: str = "",
    environment: dict[str, str] | None = None,
) -> None:
    """Add Perijove to a JupyterHub: the service, its scopes, and who holds them.

    Parameters
    ----------
    c : traitlets.config.Config
        The Hub's configuration; what it already holds is kept.
    name : str
        The service's name; its address is ``/services/<name>/``.
    port : int, optional
        The loopback port the service listens on; by default a free one.
    data_dir : path
        Where the service keeps its state, unless its configuration says otherwise.
    config_file : path, optional
        The service's own configuration (``perijove_config.py``).
    public_url : str
        The address under which workers and browsers reach the service, without a slash at its end; by default the
        Hub's public or bind URL followed by ``/services/<name>``.
    admins : collection of str
        Users who administer Perijove, besides ``c.Authenticator.admin_users``.
    admin_groups : collection of str
        Hub groups whose members administer Perijove.
    database_url, redis_url : str
        The service's database and Redis, by default SQLite and a private Redis in `data_dir`. Like the Hub's other
        variables of ours (``PERIJOVE_REDIS_CA_FILE`` …), ``PERIJOVE_DATABASE_URL`` and ``PERIJOVE_REDIS_URL`` in the
        Hub's environment do the same.
    local_group : str
        The name of a worker group whose agents the service starts on its own machine, as its own user and without
        isolation; by default there is none. It is for people who may read whatever the service may.
    environment : dict, optional
        More environment variables of the service.
    """
    hub = c.JupyterHub
    public_url = public_url or _public_url(hub, name)
    given = {
        "PERIJOVE_DATABASE_URL": database_url,
        "PERIJOVE_REDIS_URL": redis_url,
        "PERIJOVE_LOCAL_GROUP": local_group,
        "PERIJOVE_SHARED_ORIGIN": "" if _get(hub, "subdomain_host", "") else "1",
    }
    variables = {
        **_inherited(),
        **{name: value for name, value in given.items() if value},
        "PERIJOVE_DATA_DIR": str(Path(data_dir).resolve()),
        "PERIJOVE_PUBLIC_URL": public_url,
        **(environment or {}),
    }
    command = [sys.executable, "-m", "perijove_hub"]
    if config_file is not None:
        command.append(f"--config={Path(config_file).resolve()}")
    hub.services = [*_get(hub, "services", []), _service(name, port or free_ports(1)[0], command, variables)]
    hub.custom_scopes = {**_get(hub, "custom_scopes", {}), **custom_scopes()}
    _grant_users(hub, (access_scope(name), *USER_SCOPES))
    _grant_service(hub, name)
    _grant_admins(c, (access_scope(name), ADMIN), admins, admin_groups)
    # A notebook server has its token from the Hub; only where the service is, it cannot know by itself.
    c.Spawner.environment = {"PERIJOVE_URL": f"{public_url}/", **_get(c.Spawner, "environment", {})}
    c.Spawner.server_token_scopes = _with_ours(_get(c.Spawner, "server_token_scopes", []), (access_scope(name), SUBMIT))


def _inherited() -> dict[str, str]:
    """Return the Hub's own variables that are the service's: the Hub gives a service none by itself."""
    names = {f"PERIJOVE_{name.upper()}" for name in ENVIRONMENT}
    return {name: value for name, value in os.environ.items() if name in names and value}


def _service(name: str, port: int, command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Return the entry of a service that the Hub starts, watches and stops."""
    return {
        "name": name,
        "url": f"http://127.0.0.1:{port}",
        "command": command,
        "environment": environment,
        "display": True,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [access_scope(name), ADMIN],
    }


def _grant_users(hub: Config, scopes: tuple[str, ...]) -> None:
    """Let every user of the Hub hold `scopes`.

    A role ``user`` of the administrator's own replaces the Hub's and hides `extra_user_scopes`, so ours join it there.
    JupyterHub 5 has no `extra_user_scopes`: the role is defined with its default content and ours.
    """
    roles = [dict(role) for role in _get(hub, "load_roles", [])]
    own = next((role for role in roles if role["name"] == "user" and "scopes" in role), None)
    if own is not None:
        own["scopes"] = _union(own["scopes"], scopes)
    elif jupyterhub.version_info[0] >= _EXTRA_USER_SCOPES_SINCE:
        hub.extra_user_scopes = set(_get(hub, "extra_user_scopes", set())) | set(scopes)
    else:
        partly = next((role for role in roles if role["name"] == "user"), None)
        if partly is None:
            roles.append(partly := {"name": "user"})
        partly["scopes"] = ["self", *scopes]
    if roles:
        hub.load_roles = roles


def _grant_service(hub: Config, name: str) -> None:
    """Let the service ask the Hub when an account was made, and which groups there are."""
    role = {
        "name": f"{name}-service",
        "description": "Tell a new account from an old one of its name, and know the Hub's groups",
        "scopes": list(SERVICE_SCOPES),
        "services": [name],
    }
    hub.load_roles = [*_get(hub, "load_roles", []), role]


def _grant_admins(c: Config, scopes: tuple[str, ...], admins: Collection[str], groups: Collection[str]) -> None:
    """Define the role ``perijove-admin``; the Hub does not let anybody add to its own role ``admin``."""
    role: dict[str, Any] = {"name": "perijove-admin", "description": "Administer Perijove", "scopes": list(scopes)}
    if not _get(c.Authenticator, "manage_roles", False):
        # An authenticator that manages roles assigns them too, and the Hub refuses assignments from here.
        role["users"] = sorted({*admins, *_get(c.Authenticator, "admin_users", set())})
        role["groups"] = sorted(groups)
    c.JupyterHub.load_roles = [*_get(c.JupyterHub, "load_roles", []), role]


def _with_ours(existing: Any, ours: tuple[str, ...]) -> list[str] | Callable[[Any], list[str]]:
    """Add `ours` to what a server's token gets, be it a list or a callable of the spawner."""
    if callable(existing):
        return partial(_call_with_ours, existing, ours)
    return _union(existing or _SERVER_SCOPES, ours)


def _call_with_ours(existing: Callable[[Any], Collection[str]], ours: tuple[str, ...], spawner: Any) -> list[str]:
    return _union(existing(spawner), ours)


def _union(first: Collection[str], second: Collection[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _get(section: Config, name: str, default: Any) -> Any:
    """Return a setting without creating it; a value built by ``c.X.y.append(…)`` is worked out."""
    value = section.get(name, default)
    return value.get_value(default) if isinstance(value, LazyConfigValue) else value


def _public_url(hub: Config, name: str) -> str:
    """Return where the service is reached from outside, as far as the Hub's configuration tells."""
    base = _get(hub, "public_url", "") or _get(hub, "bind_url", "") or "http://127.0.0.1:8000"
    parts = urlsplit(base)
    host = parts.hostname if parts.hostname not in {None, "", "0.0.0.0", "::", "*"} else "127.0.0.1"  # noqa: S104
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    prefix = (parts.path or _get(hub, "base_url", "/")).rstrip("/")
    return f"{origin}{prefix}/services/{name}"
