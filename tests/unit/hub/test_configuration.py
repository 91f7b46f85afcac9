from __future__ import annotations

import sys
from types import SimpleNamespace

import jupyterhub
import pytest
from jupyterhub import scopes as hub_scopes
from traitlets.config import Config

from perijove_hub import configure

ACCESS = "access:services!service=perijove"
READ, SUBMIT, ADMIN = (f"custom:perijove:{name}" for name in ("read", "submit", "admin"))


def configured(c: Config | None = None, **options) -> Config:
    c = Config() if c is None else c
    configure(c, **options)
    return c


def service(c: Config) -> dict:
    return next(entry for entry in c.JupyterHub.services if entry["name"] == "perijove")


def role(c: Config, name: str) -> dict:
    return next(entry for entry in c.JupyterHub.load_roles if entry["name"] == name)


def test_the_hub_starts_the_service_with_its_own_python_on_loopback():
    entry = service(configured(port=10_200))
    assert entry["command"] == [sys.executable, "-m", "perijove_hub"]
    assert entry["url"] == "http://127.0.0.1:10200"
    assert entry["oauth_no_confirm"] is True
    assert set(entry["oauth_client_allowed_scopes"]) == {ACCESS, ADMIN}


def test_without_a_port_a_free_one_is_taken():
    host, _, port = service(configured())["url"].rpartition(":")
    assert host == "http://127.0.0.1"
    assert 10_000 <= int(port) < 32_768  # not one that the system gives to whoever connects to something


def test_the_data_folder_and_the_configuration_file_are_handed_over_absolutely(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = service(configured(data_dir="state", config_file="perijove_config.py"))
    assert entry["environment"]["PERIJOVE_DATA_DIR"] == str(tmp_path / "state")
    assert entry["command"][-1] == f"--config={tmp_path / 'perijove_config.py'}"


def test_the_databases_addresses_are_handed_over_in_the_services_environment(monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "REDIS_CA_FILE"):
        monkeypatch.delenv(f"PERIJOVE_{name}", raising=False)
    assert not {"PERIJOVE_DATABASE_URL", "PERIJOVE_REDIS_URL"} & service(configured())["environment"].keys()
    monkeypatch.setenv("PERIJOVE_REDIS_URL", "rediss://of-the-hub")
    monkeypatch.setenv("PERIJOVE_REDIS_CA_FILE", "/ca.pem")
    environment = service(configured(database_url="postgresql://given"))["environment"]
    assert environment["PERIJOVE_DATABASE_URL"] == "postgresql://given"
    assert environment["PERIJOVE_REDIS_URL"] == "rediss://of-the-hub"
    assert environment["PERIJOVE_REDIS_CA_FILE"] == "/ca.pem"
    assert service(configured(redis_url="redis://given"))["environment"]["PERIJOVE_REDIS_URL"] == "redis://given"


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://127.0.0.1:8000/services/perijove"),
        ({"bind_url": "http://0.0.0.0:9000/jupyter/"}, "http://127.0.0.1:9000/jupyter/services/perijove"),
        ({"bind_url": "http://:9000"}, "http://127.0.0.1:9000/services/perijove"),
        ({"public_url": "https://hub.example.org/"}, "https://hub.example.org/services/perijove"),
        ({"base_url": "/lab/"}, "http://127.0.0.1:8000/lab/services/perijove"),
    ],
)
def test_workers_get_the_address_people_use(settings, url):
    c = Config()
    c.JupyterHub.update(settings)
    assert service(configured(c))["environment"]["PERIJOVE_PUBLIC_URL"] == url


def test_an_administrators_own_services_scopes_and_roles_stay():
    c = Config()
    c.JupyterHub.services = [{"name": "culler", "command": ["cull"]}]
    c.JupyterHub.custom_scopes = {"custom:other:read": {"description": "Something else"}}
    c.JupyterHub.load_roles = [{"name": "culler", "scopes": ["list:users"], "services": ["culler"]}]
    c.JupyterHub.extra_user_scopes = {"access:services!service=culler"}
    configure(c)
    assert [entry["name"] for entry in c.JupyterHub.services] == ["culler", "perijove"]
    assert {"custom:other:read", READ, SUBMIT, ADMIN} == set(c.JupyterHub.custom_scopes)
    assert role(c, "culler")["services"] == ["culler"]
    assert "access:services!service=culler" in c.JupyterHub.extra_user_scopes


def test_what_was_appended_lazily_stays_too():
    c = Config()
    c.JupyterHub.services.append({"name": "culler"})
    c.JupyterHub.load_roles.append({"name": "culler", "scopes": []})
    configure(c)
    assert [entry["name"] for entry in c.JupyterHub.services] == ["culler", "perijove"]
    assert {entry["name"] for entry in c.JupyterHub.load_roles} >= {"culler", "perijove-admin"}


def test_every_user_may_read_and_submit_on_jupyterhub_6():
    assert jupyterhub.version_info[0] >= 6
    c = configured()
    assert {ACCESS, READ, SUBMIT} == set(c.JupyterHub.extra_user_scopes)


def test_every_user_may_read_and_submit_on_jupyterhub_5(monkeypatch):
    monkeypatch.setattr(jupyterhub, "version_info", (5, 5, 4, "", ""))
    c = configured()
    assert "extra_user_scopes" not in c.JupyterHub
    assert role(c, "user")["scopes"] == ["self", ACCESS, READ, SUBMIT]


def test_an_own_user_role_is_extended_and_not_replaced():
    c = Config()
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user"]}]
    configure(c)
    assert role(c, "user")["scopes"] == ["self", "shares!user", ACCESS, READ, SUBMIT]


def test_the_hubs_administrators_administer_perijove():
    c = Config()
    c.Authenticator.admin_users = {"ada"}
    configure(c, admins=["grace"], admin_groups=["ops"])
    assert role(c, "perijove-admin")["users"] == ["ada", "grace"]
    assert role(c, "perijove-admin")["groups"] == ["ops"]
    assert ADMIN in role(c, "perijove-admin")["scopes"]


def test_an_authenticator_that_manages_roles_assigns_them_itself():
    c = Config()
    c.Authenticator.manage_roles = True
    configure(c, admins=["grace"])
    assert not {"users", "groups"} & set(role(c, "perijove-admin"))


def test_a_servers_token_keeps_the_hubs_defaults_and_reaches_the_service():
    c = configured()
    assert c.Spawner.server_token_scopes == ["users:activity!user", "access:servers!server", ACCESS, SUBMIT]


def test_a_servers_own_token_scopes_are_kept():
    c = Config()
    c.Spawner.server_token_scopes = ["users:activity!user", "read:users!user"]
    configure(c)
    assert c.Spawner.server_token_scopes == ["users:activity!user", "read:users!user", ACCESS, SUBMIT]


def test_a_callable_for_token_scopes_is_still_called():
    c = Config()
    c.Spawner.server_token_scopes = lambda spawner: [f"access:servers!user={spawner.user}"]
    configure(c)
    scopes = c.Spawner.server_token_scopes(SimpleNamespace(user="ada"))
    assert scopes == ["access:servers!user=ada", ACCESS, SUBMIT]


def test_the_hub_accepts_the_scopes():
    before = dict(hub_scopes.scope_definitions)
    try:
        hub_scopes.define_custom_scopes(configured().JupyterHub.custom_scopes)
        assert hub_scopes._expand_scope(ADMIN) == {ADMIN, SUBMIT, READ}
    finally:
        hub_scopes.scope_definitions.clear()
        hub_scopes.scope_definitions.update(before)
        hub_scopes._expand_scope.cache_clear() if hasattr(hub_scopes._expand_scope, "cache_clear") else None
