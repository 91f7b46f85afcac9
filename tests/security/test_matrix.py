"""Every REST route, asked for by everybody: `matrix.txt` holds the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from archives import archive, code_id
from browsers import signed_in
from sites import PEOPLE, Site
from stories import follow, notebook

from perijove.model.ids import new_id
from perijove.model.spec import Spec
from perijove.model.status import Status
from perijove.wire.versions import NEWEST, OLDEST
from perijove_hub.openapi import all_routes
from perijove_hub.routes import API_PREFIX

_TABLE = Path(__file__).with_name("matrix.txt")
_AT_ONCE = 12
_HIDING = {404, 422}
_NUMBERS = count(1)
Clients = dict[str, httpx.AsyncClient]
_ROLES = {"viewer": "viewer", "member": "member", "keeper": "admin"}
_WORK = ("import os, pathlib", "pathlib.Path(os.environ['PERIJOVE_OUTPUTS'], 'out.txt').write_text('made')")


def _read() -> tuple[list[str], dict[tuple[str, str], list[int]]]:
    """Return the callers, and each route's answers in their order."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    callers = next(line for line in lines if line.startswith("#      route")).split()[2:]
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return callers, {(method, path): [int(status) for status in statuses] for method, path, *statuses in rows}


CALLERS, TABLE = _read()


def test_every_route_has_its_row() -> None:
    assert {(route.method, path) for path, route in all_routes()} == set(TABLE)
    assert all(len(statuses) == len(CALLERS) for statuses in TABLE.values())


@dataclass
class World:
    """What is asked for, and what each caller sends with every request.

    Attributes
    ----------
    known : dict
        What stands for a parameter of a path where asking changes nothing.
    enrolment : str
        The group's enrolment token.
    signed : dict
        The query of another execution's signed URL.
    """

    site: Site
    known: dict[str, str]
    compared: str
    snapshot: bytes
    enrolment: str
    signed: dict[str, str]
    headers: dict[str, dict[str, str]]
    cookies: httpx.Cookies

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[Clients]:
        """Return each caller's client."""
        async with AsyncExitStack() as stack:
            yield {
                caller: await stack.enter_async_context(
                    httpx.AsyncClient(
                        base_url=self.site.api,
                        headers=headers,
                        cookies=self.cookies if caller == "cookie" else None,
                        timeout=120,
                    )
                )
                for caller, headers in self.headers.items()
            }


@pytest.fixture(scope="module")
def world(site: Site) -> World:
    """A project with everything in it, and everybody who asks for it."""
    site.hub_api("POST", "groups/insiders").raise_for_status()
    insiders = [*_ROLES, "owner"]
    site.hub_api("POST", "groups/insiders/users", users=insiders).raise_for_status()
    headers = {person: site.fresh_header(person) for person in PEOPLE}
    snapshot = archive(content=b"print('matrix')\n")
    with site.http("owner") as owner, site.http("admin") as admin, site.http("other") as other:
        owner.headers, admin.headers = httpx.Headers(headers["owner"]), httpx.Headers(headers["admin"])
        group = _made(admin.post("groups", json={"name": "inside", "settings": {"owners": ["insiders"]}}))
        project = _made(owner.post("projects", json={"name": "matrix"}))["id"]
        for person, role in _ROLES.items():
            owner.put(f"projects/{project}/members/user/{person}", json={"role": role}).raise_for_status()
            with site.http(person) as invited:
                invited.headers = httpx.Headers(headers[person])
                invited.post(f"invitations/{project}/accept").raise_for_status()
        _made(owner.put(f"code/{code_id(snapshot)}", params={"project": project}, content=snapshot))
        with site.client("owner") as client:
            work = client.executions.create(Spec.model_validate(_NOTEBOOK), notebook=notebook(*_WORK), project=project)
            story = follow(client, work)
            assert story.end.status is Status.COMPLETE, story.log
        foreign = _made(other.post("executions", json={"spec": _NOTEBOOK, "notebook": notebook("'another'")}))["id"]
        signed = other.get(f"executions/{foreign}/notebook", params={"which": "submitted"}).headers["location"]
        mine = owner.get(f"executions/{story.id}/outputs/out.txt").headers["location"]
        compared = _stopped(owner, project)
    known = {
        "project": project, "execution": story.id, "group": "inside", "worker": new_id("wk"), "kind": "user",
        "user": "nobody-else",
        "sha256": "0" * 64, "code": code_id(snapshot), "key": urlsplit(mine).path.partition("/files/")[2],
    }  # fmt: skip
    with signed_in(site.hub, "keeper") as browser:
        browser.get(f"{site.hub.service_url}api/v1/docs").raise_for_status()
        cookies = httpx.Cookies(browser.cookies)
    return World(
        site, known, compared, snapshot, group["token"], dict(parse_qsl(urlsplit(signed).query)),
        {
            **headers, "nobody": {}, "signed": {}, "cookie": {}, "expired": site.expired_header("keeper"),
            "agent": {"Authorization": f"token {group['token']}"},
        },
        cookies,
    )  # fmt: skip


_NOTEBOOK = {"notebook": {"path": "notebook.ipynb"}, "group": "local"}
_COMMAND = {"command": ["true"], "group": "inside"}


def _made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return dict(answer.json())


def _stopped(owner: httpx.Client, project: str) -> str:
    """Return an execution that ended before it began: no worker serves the group."""
    made = str(_made(owner.post("executions", json={"project": project, "spec": _COMMAND}))["id"])
    owner.post(f"executions/{made}/stop").raise_for_status()
    return made


class _Cell:
    """One caller's request for one route, with a target of its own where a success would change the shared one."""

    def __init__(self, world: World, clients: Clients, method: str, path: str, caller: str) -> None:
        self._world = world
        self._clients = clients
        self._route = f"{method} {path.removeprefix(API_PREFIX)}"
        self.method, self.path, self.caller = method, path, caller
        self._name = f"{caller}-{next(_NUMBERS)}"
        self._values = {**world.known, "name": "out.txt" if "outputs" in path else self._name}

    async def ask(self) -> httpx.Response:
        """Prepare the target and send the request."""
        await self._prepare(self._clients["owner"])
        return await self._send()

    async def ask_for_what_is_not(self) -> httpx.Response:
        """Send the request for something that does not exist."""
        self._values |= {name: new_id(self._values[name][:2]) for name in ("project", "execution")}
        self._values |= {"group": "no-such", "code": "~" + "0" * 64}
        return await self._send()

    def told(self, answer: httpx.Response) -> str:
        """Return an answer's body without the name that was asked for."""
        return answer.text.replace(self._values["execution"], "…").replace(self._world.compared, "…")

    async def _send(self) -> httpx.Response:
        sent = self._sent()
        if self.caller == "signed":
            sent["params"] = {**sent.get("params", {}), **self._world.signed}
        address = self._world.site.address + self.path.format(**self._values)
        return await self._clients[self.caller].request(self.method, address, **sent)

    async def _prepare(self, owner: httpx.AsyncClient) -> None:
        known, token = self._world.known, self._world.enrolment
        if self._route == "DELETE projects/{project}":
            project = _made(await owner.post("projects", json={"name": self._name}))["id"]
            for person, role in _ROLES.items():
                await owner.put(f"projects/{project}/members/user/{person}", json={"role": role})
                await self._clients[person].post(f"invitations/{project}/accept")
            self._values["project"] = project
        elif self._route == "POST invitations/{project}/decline":
            project = _made(await owner.post("projects", json={"name": self._name}))["id"]
            for person in _ROLES:
                await owner.put(f"projects/{project}/members/user/{person}", json={"role": "viewer"})
            self._values["project"] = project
        elif self._route == "DELETE projects/{project}/members/{kind}/{name}":
            await owner.put(f"projects/{known['project']}/members/user/{self._name}", json={"role": "viewer"})
        elif self._route == "DELETE executions/{execution}":
            made = _made(await owner.post("executions", json={"project": known["project"], "spec": _COMMAND}))["id"]
            await owner.post(f"executions/{made}/stop")
            self._values["execution"] = made
        elif self.path.endswith(("/workers/{worker}", "workers/{worker}/drain", "agents/{worker}/release")):
            self._values["worker"] = _made(await owner.post("agents", json=_enrolment(token)))["worker"]
        elif self._route in {"DELETE groups/{group}", "POST groups/{group}/token"}:
            _made(await self._clients["admin"].post("groups", json={"name": self._name}))
            self._values["group"] = self._name

    def _sent(self) -> dict[str, Any]:
        project, token = self._values["project"], self._enrolment_token()
        code = {"params": {"project": project}}
        table: dict[str, dict[str, Any]] = {
            "POST projects": {"json": {"name": self._name}},
            "PUT projects/{project}/members/{kind}/{name}": {"json": {"role": "viewer"}},
            "PUT projects/{project}/retention": {"json": {"logs": 30}},
            "POST retention/sweep": {"json": {}},
            "GET executions": code,
            "POST executions": {"json": {"project": project, "spec": _COMMAND}},
            "POST executions/batch": {"json": {"project": project, "specs": [_COMMAND]}},
            "POST groups/{group}/tokens": {"json": {"uses": 2, "expires_in": 60}},
            "POST executions/stop": {"json": {"executions": [self._values["execution"]]}},
            "GET executions/compare": {"params": {"id": [self._values["execution"], self._world.compared]}},
            "POST executions/{execution}/copy": {"json": {"group": "inside"}},
            "GET code/{code}": code,
            "GET code/{code}/archive": code,
            "PUT code/{code}": {**code, "content": self._world.snapshot},
            "POST groups": {"json": {"name": self._name}},
            "PUT groups/{group}": {"json": {"owners": ["insiders"]}},
            "PATCH groups/{group}": {"json": {"description": "inside"}},
            "POST users/{user}/hand-over": {"json": {"to": "nobody-yet"}},
            "POST agents": {"json": _enrolment(token)},
            "POST agents/{worker}/release": {"json": {"group": "inside", "token": token}},
            "PUT files/{key}": {"content": b"overwritten"},
        }
        return dict(table.get(self._route, {}))

    def _enrolment_token(self) -> str:
        """Only an agent has its group's token; the others try the one they have."""
        own = self._world.headers[self.caller].get("Authorization", "token none").partition(" ")[2]
        return self._world.enrolment if self.caller == "agent" else own


def _enrolment(token: str) -> dict[str, Any]:
    spoken = {"oldest_protocol": OLDEST, "newest_protocol": NEWEST}
    return {"group": "inside", "token": token, "host": "h", "version": "1", "capacity": {}, **spoken}


async def test_everybody_gets_what_the_table_says(world: World) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def differs(cell: _Cell, status: int) -> str:
        async with turns:
            answer = await cell.ask()
        if answer.status_code == status:
            return ""
        told = f"{answer.status_code}, not {status}: {answer.text[:300]}"
        return f"{cell.caller}: {cell.method} {cell.path} answered {told}"

    async with world.clients() as clients:
        cells = [
            differs(_Cell(world, clients, *route, caller), status)
            for route, statuses in TABLE.items()
            for caller, status in zip(CALLERS, statuses, strict=True)
        ]
        wrong = [line for line in await asyncio.gather(*cells) if line]
    assert not wrong, "\n".join(wrong)


async def test_what_is_forbidden_to_see_answers_as_if_it_were_not_there(world: World) -> None:
    hidden = [route for route, statuses in TABLE.items() if statuses[CALLERS.index("other")] in _HIDING]
    assert len(hidden) > len(TABLE) // 2
    async with world.clients() as clients:
        for route in hidden:
            forbidden, unknown = (_Cell(world, clients, *route, "other") for _ in range(2))
            told = (await forbidden.ask(), await unknown.ask_for_what_is_not())
            assert len({answer.status_code for answer in told}) == 1, route
            assert forbidden.told(told[0]) == unknown.told(told[1]), route


async def test_no_list_shows_what_is_other_peoples(world: World) -> None:
    async with world.clients() as clients:
        for path in ("projects", "executions", "groups"):
            everything = (await clients["owner"].get(path)).text
            theirs = (await clients["other"].get(path)).text
            for name in (world.known["project"], world.known["execution"], '"inside"'):
                assert name not in theirs
            assert any(name in everything for name in (world.known["project"], '"inside"'))
        asked = [world.known["project"], "no-such-project"]
        answers = [await clients["other"].get("executions", params={"project": name}) for name in asked]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
