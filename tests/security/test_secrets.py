"""A whole life of the platform, after which no secret lies where it was not put."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
import redis
import zstandard
from perijove_local.processes import processes_of
from sites import Site
from stories import follow, notebook

from perijove.model.spec import Spec
from perijove.model.status import Status
from perijove.wire import versions

#: Where a secret is meant to lie, below the platform's folder; every one of them is for its owner's eyes only.
_KEPT = {
    "the local group's enrolment token": r"agents/wk-[0-9a-z]+/token",
    "the Hub's proxy token": r"proxy-token",
    "the users' password": r"password",
    "the administrators' password": r"admin-password",
    "the key that signs URLs": r"the database",
    "the key that signs cookies": r"the database|cookie_secret",
}
#: JupyterHub keeps the environment of the services it starts; docs/security.md says where to put passwords instead.
_BY_THE_HUB = {"PostgreSQL's password": r"jupyterhub\.sqlite", "Redis' password": r"jupyterhub\.sqlite"}


@dataclass
class Life:
    """What REST answered, and the secrets that only those who asked for them have."""

    answers: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def _secrets(site: Site) -> dict[str, str | bytes]:
    """Return every secret that is there from the beginning, by what it is."""
    home = site.hub.home.path
    with psycopg.connect(site.cluster.url.replace("+psycopg", "")) as connection:
        kept = dict(connection.execute("SELECT name, value FROM settings").fetchall())
    return {
        "the key that signs URLs": kept["signing_key"],
        "the key that signs cookies": kept["cookie_secret"],
        "PostgreSQL's password": site.cluster.password,
        "Redis' password": urlsplit(site.redis_url).password or "",
        "a user's Hub token": site.tokens["owner"],
        "an administrator's Hub token": site.tokens["admin"],
        "the Hub's set-up token": site.hub.setup_token,
        "the local group's enrolment token": next(home.glob("agents/wk-*/token")).read_text(),
        "the Hub's proxy token": (home / "proxy-token").read_text(),
        "the users' password": (home / "password").read_text(),
        "the administrators' password": (home / "admin-password").read_text(),
    }


@pytest.fixture
def lived(site: Site) -> Life:
    """Everything REST answered while work ran, failed, was refused and stopped, and agents came and went."""
    life = Life()
    answers, token_in_url = life.answers, site.hub.token("owner")
    life.secrets["a token in an address"] = token_in_url
    with site.http("owner") as http, site.http("admin") as admin, site.client("owner") as owner:
        group = admin.post("groups", json={"name": "planted"}).raise_for_status().json()
        for token in (group["token"], "wrong"):
            spoken = {"oldest_protocol": versions.OLDEST, "newest_protocol": versions.NEWEST}
            body = {"group": "planted", "token": token, "host": "h", "version": "1", "capacity": {}, **spoken}
            answer = http.post("agents", json=body)
            if answer.is_error:
                answers["an enrolment that was refused"] = answer.content
            else:
                life.secrets["an agent's password on Redis"] = urlsplit(answer.json()["redis_url"]).password or ""
        life.secrets["a group's enrolment token"] = group["token"]
        cells = ("import os", "print(sorted(os.environ.items()))", "raise ValueError(str(dict(os.environ)))")
        work = {"notebook": {"path": "n.ipynb"}, "group": "local"}
        made = owner.executions.create(Spec.model_validate(work), notebook=notebook(*cells))
        assert follow(owner, made).end.status is Status.ERROR
        spec = {"command": ["env", "cat /proc/self/environ"], "group": "local"}
        command = owner.executions.create(Spec.model_validate(spec))
        assert follow(owner, command).end.status is Status.COMPLETE
        for path in ("info", "projects", "executions", "groups", "groups/planted/workers", "groups/local/workers",
                     f"executions/{made.id}", f"executions/{command.id}", f"executions/{made.id}/why",
                     f"executions/{made.id}/log", f"executions/{command.id}/log", f"executions/{made.id}/events",
                     f"executions/{made.id}/metadata", f"executions/{made.id}/outputs", "openapi.json",
                     "executions/nothing", "executions?cursor=x"):  # fmt: skip
            answers[path] = http.get(path).content
        signed = http.get(f"executions/{made.id}/notebook").headers["location"]
        life.secrets["a signature"] = parse_qs(urlsplit(signed).query)["signature"][0]
        answers["the notebook"] = http.get(signed).content
        answers["a signed URL of another method"] = http.put(signed, content=b"x").content
        answers["a signed URL that was changed"] = http.get(signed.replace("/files/", "/files/x")).content
        for path in ("api/v1/info", "api/v1/executions", "api/v1/nothing", "health", "", "files/nothing"):
            answers[f"{path} with a token in its address"] = httpx.get(
                f"{site.address}{path}", params={"token": token_in_url}, timeout=60
            ).content
        for path in ("metrics", "health", "files/nothing?signature=x"):
            answers[path] = admin.get(f"{site.address}{path}").content
        answers["malformed"] = http.post("executions", content=b"{").content
    answers["wrong token"] = httpx.get(f"{site.api}info", headers={"Authorization": "token wrong"}).content
    return life


def test_no_secret_lies_where_it_was_not_put(site: Site, lived: Life) -> None:
    found = []
    everything = list(_everything(site, lived.answers))
    for what, secret in (_secrets(site) | lived.secrets).items():
        assert len(secret) >= 20, what
        places = [place for place, content in everything if any(form in content for form in _forms(secret))]
        allowed = re.compile((_KEPT | _BY_THE_HUB).get(what, r"(?!)"))
        found += [f"{what} in {place}" for place in places if not allowed.fullmatch(place)]
    assert not found, "\n".join(found)


def _forms(secret: str | bytes) -> list[bytes]:
    """Return how a secret may be written; one of bytes as such, and in the ways in which bytes become text."""
    if isinstance(secret, str):
        return [secret.encode()]
    return [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)]


def _everything(site: Site, answers: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Iterate over everything that was written or told: files, logs, the database, Redis, answers, command lines."""
    home = site.hub.home.path
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_socket():
            yield str(path.relative_to(home)), _content(path)
    yield "the database", site.cluster.dump()
    yield "PostgreSQL's log", _content(site.cluster.folder / "log")
    yield from _in_redis(site)
    for name, content in answers.items():
        yield f"the answer to {name}", content
    for process in processes_of(home):
        yield f"the command line of {process.name()}", " ".join(process.cmdline()).encode()


def _content(path: Path) -> bytes:
    """Return a file's bytes; of what is compressed, what it says."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b""
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content


def _in_redis(site: Site) -> Iterator[tuple[str, bytes]]:
    """Iterate over what Redis holds of ours, and over its log; its users' passwords are digests there."""
    with redis.Redis.from_url(site.redis_url) as client:
        for key in client.scan_iter():
            yield f"Redis' key {key.decode()}", b"".join(_texts(client, key))
        yield "Redis' users", repr(client.execute_command("ACL LIST")).encode()


def _texts(client: redis.Redis, key: bytes) -> Iterator[bytes]:
    kind = client.type(key)
    if kind == b"stream":
        for _, fields in client.xrange(key):
            yield from (text for pair in fields.items() for text in pair)
    elif kind == b"hash":
        yield from (text for pair in client.hgetall(key).items() for text in pair)
    elif kind == b"string":
        yield client.get(key) or b""
    elif kind == b"list":
        yield from client.lrange(key, 0, -1)
    elif kind == b"zset":
        yield from client.zrange(key, 0, -1)
    else:
        raise AssertionError(f"a {kind!r} is not looked into")


def test_what_keeps_a_secret_is_for_its_owner_alone(site: Site) -> None:
    home = site.hub.home.path
    assert home.stat().st_mode & 0o077 == 0
    kept = [path for path in home.rglob("*") if path.is_file() and any(
        re.fullmatch(pattern, str(path.relative_to(home))) for pattern in _KEPT.values())]  # fmt: skip
    assert len(kept) >= len(_KEPT) - 1  # one of them lies in the database only
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0, path
