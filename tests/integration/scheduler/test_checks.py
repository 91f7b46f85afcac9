"""What is wrong with the database or Redis is said before the platform starts on them, in a sentence."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redises
from postgres import Cluster
from sqlalchemy import text

from perijove.model.spec import Resources
from perijove.wire.agent import RedisAgentWire
from perijove.wire.scripts import SCRIPTS
from perijove_scheduler.platform.check_database import check_database
from perijove_scheduler.platform.check_redis import TRIES, check_redis
from perijove_scheduler.platform.findings import Finding
from perijove_scheduler.store.store import Store

FIT = "The settings, the database, the files and Redis are fit for Perijove.\n"


@pytest.fixture(scope="module")
def server() -> Iterator[redises.Server]:
    with redises.running() as server:
        yield server


async def told(url: str, **options: bool) -> str:
    """The first finding about a database."""
    found = await check_database(url, **options)
    return _said(found)


async def told_of_redis(url: str) -> str:
    return _said(await check_redis(url))


def _said(found: list[Finding]) -> str:
    assert all(finding.hint for finding in found)
    return " | ".join(finding.sentence for finding in found)


async def run(cluster: Cluster, *statements: str, database: str = "postgres") -> None:
    """Run statements as the superuser."""
    store = await Store.open(cluster.url.replace("/postgres?", f"/{database}?"))
    engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await store.aclose()


async def migrated(url: str) -> None:
    store = await Store.open(url)
    await store.migrate()
    await store.aclose()


async def test_a_fit_database_is_found_fit_before_and_after_it_is_migrated(database: str) -> None:
    assert await check_database(database) == []
    await migrated(database)
    assert await check_database(database, migrates=False) == []


async def test_what_keeps_from_the_database_is_named(database: str, cluster: Cluster) -> None:
    assert "refuses the password" in await told(database.replace("of-ada", "wrong"))
    assert "wrong" not in await told(database.replace("of-ada", "wrong"))
    assert "no database of that name" in await told(database.replace("/fresh?", "/none?"))
    assert "wants a password" in await told(database.replace(":of-ada", ""))
    assert "cannot be used" in await told(f"postgresql://ada:of-ada@/fresh?host={cluster.folder}/nowhere")
    assert "cannot be opened" in await told("nonsense")


async def test_a_schema_that_is_missing_old_or_too_new_is_named(database: str, cluster: Cluster) -> None:
    assert "has no schema yet" in await told(database, migrates=False)
    await migrated(database)
    await run(cluster, "UPDATE alembic_version SET version_num = '0001'", database="fresh")
    assert "has schema 0001" in await told(database, migrates=False)
    await run(cluster, "UPDATE alembic_version SET version_num = '9999'", database="fresh")
    assert "written by a newer Perijove" in await told(database)


async def test_missing_rights_in_the_database_are_named(database: str, cluster: Cluster) -> None:
    await run(cluster, "ALTER DATABASE fresh OWNER TO postgres", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
              database="fresh")  # fmt: skip
    assert "ada lacks rights: CREATE on its schema" in await told(database)
    await migrated(cluster.url.replace("/postgres?", "/fresh?"))
    assert "ada lacks rights: SELECT on alembic_version" in await told(database)
    await run(cluster, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ada", database="fresh")
    assert "lacks rights: DELETE on accounts, INSERT on accounts" in await told(database)
    await run(cluster, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ada", database="fresh")
    assert await check_database(database) == []
    await run(cluster, "UPDATE alembic_version SET version_num = '0001'", database="fresh")
    assert "to own" in await told(database)


async def test_a_database_that_can_only_be_read_is_named(database: str, cluster: Cluster) -> None:
    await run(cluster, "ALTER ROLE ada SET default_transaction_read_only = on")
    assert "can only be read" in await told(database)


async def test_an_sqlite_of_a_newer_perijove_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/perijove.db"
    assert await check_database(url) == []
    await migrated(url)
    store = await Store.open(url)
    async with store.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.aclose()
    assert "written by a newer Perijove" in await told(url)


async def test_a_fit_redis_is_found_fit_and_left_as_it_was(server: redises.Server) -> None:
    assert await check_redis(server.url) == []
    with server.client() as client:
        assert client.keys() == []
        assert client.acl_users() == ["default"]


async def test_what_keeps_from_redis_is_named(server: redises.Server, tmp_path: Path) -> None:
    assert "refuses the password" in await told_of_redis(server.url_of("", "wrong"))
    assert "wrong" not in await told_of_redis(server.url_of("", "wrong"))
    assert "refuses the password" in await told_of_redis(f"redis://127.0.0.1:{server.port}")
    assert "cannot be reached" in await told_of_redis("redis://:secret@127.0.0.1:1")
    assert "not the address" in await told_of_redis("http://example.org")


async def test_a_redis_that_evicts_or_keeps_nothing_is_named() -> None:
    with redises.running("--maxmemory-policy", "allkeys-lru", "--appendonly", "no") as server:
        evicts, forgets = await check_redis(server.url)
        assert evicts.fatal
        assert "evicts keys" in evicts.sentence
        assert not forgets.fatal
        assert "append-only" in forgets.sentence


async def test_a_replica_of_redis_is_named(server: redises.Server) -> None:
    with redises.running("--replicaof", "127.0.0.1", str(server.port), "--masterauth", server.password) as copy:
        assert "can only be read" in await told_of_redis(copy.url)


def test_the_documentation_names_the_rights_that_the_tests_give(root: Path) -> None:
    line = f"ACL SETUSER perijove on >password {' '.join(redises.RIGHTS)}"
    assert line in (root / "docs" / "configuration.md").read_text().splitlines()


def test_every_command_of_a_script_is_tried() -> None:
    called = {name for script in SCRIPTS.values() for name in re.findall(r"redis\.call\('([A-Z]+)'", script.text)}
    assert len(called) > 20
    assert called <= TRIES.keys()


async def test_the_documented_rights_are_enough_and_each_one_that_is_missing_is_named(server: redises.Server) -> None:
    assert await check_redis(server.restricted()) == []
    for what in (*TRIES, "SUBSCRIBE"):
        without = f"-{what.lower().replace(' ', '|')}"
        assert f"may not: {what}." in await told_of_redis(server.restricted(without))
    assert "may not: keys that start with pj:." in await told_of_redis(server.restricted("resetkeys"))
    channels = "may not: channels that start with pj:."
    assert channels in await told_of_redis(server.restricted("resetchannels"))
    with server.client() as client:
        client.execute_command("ACL", "DELUSER", "perijove")


async def test_a_server_that_is_too_old_is_named(
    server: redises.Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server of another age is at hand: these are compared with versions that do not exist yet."""
    monkeypatch.setattr("perijove_scheduler.platform.check_redis.OLDEST_REDIS", (99, 0))
    assert re.search(r"Redis at .* is version \d+\.\d+\.\d+; Perijove takes ", await told_of_redis(server.url))
    monkeypatch.setattr("perijove_scheduler.platform.check_database.OLDEST_POSTGRESQL", 99)
    assert re.search(r"PostgreSQL \d+\.\d+.* is too old: Perijove takes 99 or later", await told(database))
    monkeypatch.setattr("perijove_scheduler.platform.check_database._OLDEST_SQLITE", (99, 0))
    assert re.search(r"SQLite 3\.\d+\.\d+ is too old", await told(f"sqlite:///{tmp_path}/perijove.db"))


async def test_the_platform_and_its_workers_speak_tls_where_redis_does(make, tmp_path: Path) -> None:
    authority = redises.authority(tmp_path)
    with redises.running_with_tls(authority, "--tls-auth-clients", "optional") as server:
        plain = replace(server, options="")
        assert "not trusted" in await told_of_redis(plain.url)
        assert "do not agree on TLS" in await told_of_redis(replace(plain, scheme="redis").url)
        platform = make(redis_url=plain.url, redis_ca_file=str(authority.ca))
        await platform.start()
        await platform.queue.grant("local", "wk-1", hashlib.sha256(b"secret").hexdigest())
        address = platform.queue.worker_url("wk-1", "secret")
        assert "BEGIN+CERTIFICATE" in address
        assert str(authority.ca) not in address
        wire = RedisAgentWire(address, "local", "wk-1")
        await wire.register(Resources(cpus=1), "1", "host")
        assert [each.worker for each in await platform.queue.workers("local")] == ["wk-1"]
        await wire.aclose()
        await platform.stop()


async def test_a_redis_that_wants_certificates_is_given_ours(make, tmp_path: Path) -> None:
    authority = redises.authority(tmp_path)
    with redises.running_with_tls(authority) as server:
        plain = replace(server, options="")
        files = {"redis_ca_file": str(authority.ca), "redis_cert_file": str(authority.certificate)}
        assert "do not agree on TLS" in await told_of_redis(replace(plain, options=f"?ssl_ca_certs={authority.ca}").url)
        platform = make(redis_url=plain.url, redis_key_file=str(authority.key), **files)
        await platform.start()
        assert "key.pem" not in platform.queue.worker_url("wk-1", "secret")
        await platform.stop()


def hub(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perijove_hub", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PERIJOVE_")}
    return subprocess.run(
        command, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_says_what_is_wrong_without_a_traceback(server: redises.Server, tmp_path: Path) -> None:
    fit = hub(tmp_path, "--check", PERIJOVE_REDIS_URL=server.url)
    assert (fit.returncode, fit.stdout) == (0, FIT)
    wrong = hub(tmp_path, PERIJOVE_REDIS_URL=server.url_of("", "wrong"), JUPYTERHUB_API_TOKEN="x")
    assert wrong.returncode == 1
    assert "refuses the password" in wrong.stderr
    assert "Check Platform.redis_url" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_addresses_come_from_the_configuration_file_and_else_from_the_environment(
    server: redises.Server, database: str, tmp_path: Path
) -> None:
    config = tmp_path / "perijove_config.py"
    config.write_text(f"c.Platform.redis_url = {server.url!r}\nc.Platform.database_url = {database!r}\n")
    elsewhere = {"PERIJOVE_REDIS_URL": "redis://127.0.0.1:1", "PERIJOVE_DATABASE_URL": "sqlite:////nowhere/x.db"}
    fit = hub(tmp_path, "--check", **elsewhere)
    assert (fit.returncode, fit.stdout) == (0, FIT)
    config.write_text(f"c.Platform.redis_url = {server.url_of('', 'wrong')!r}\n")
    wrong = hub(tmp_path, "--check", PERIJOVE_DATABASE_URL=database.replace("/fresh?", "/none?"))
    assert wrong.returncode == 1
    assert "has no database of that name" in wrong.stdout
    assert "Redis" in wrong.stdout
    assert "refuses the password" in wrong.stdout


def test_without_migrating_a_new_database_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    before = hub(tmp_path, "--check", "--Platform.migrates=False")
    assert (before.returncode, "has no schema yet" in before.stdout) == (1, True)
    assert hub(tmp_path, "--migrate").stdout == "The database's schema is up to date.\n"
