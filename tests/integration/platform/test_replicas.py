"""Two services on one PostgreSQL and one Redis: both answer, one leads, and the other takes over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from counting import Counting, counted
from parts import IN_PRODUCTION
from perijove_local.hub import Hub
from stories import follow, run, submit
from waiting import until

from perijove.client.client import Client
from perijove.model.reasons import Reason
from perijove.model.status import Status
from perijove.ports import free_ports

pytestmark = IN_PRODUCTION

#: Seconds, far more than anything here takes, for a machine that is busy.
_PATIENCE = 120


@dataclass
class Replica:
    """A second service beside the Hub's own, with the same address for everybody but this test."""

    process: subprocess.Popen[bytes]
    url: str

    def __post_init__(self) -> None:
        self._clients = ExitStack()

    def client(self, like: Client) -> Client:
        """Return a client that speaks to this replica."""
        return self._clients.enter_context(Client(self.url, like.settings.token))

    def stop(self) -> None:
        """Stop it as the Hub does, and close its clients."""
        self._clients.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        assert self.process.wait(_PATIENCE) == 0


def first(hub: Hub) -> psutil.Process:
    """Return the service that the Hub started."""
    for process in psutil.Process(hub.pid).children(recursive=True):
        with suppress(psutil.Error):
            if "perijove_hub" in process.cmdline():
                return process
    raise AssertionError("the Hub runs no service")


def leads(url: str) -> bool:
    """Return whether the replica at `url` answers and says that it leads."""
    try:
        reply = httpx.get(f"{url}health", timeout=5)
    except httpx.TransportError:
        return False
    return reply.status_code == 200 and bool(reply.json()["leading"])


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def second(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica that has been started while the Hub's own leads, with a data folder of its own."""
    folder = tmp_path_factory.mktemp("second")
    url = f"http://127.0.0.1:{free_ports(1)[0]}/services/perijove/"
    changed = {
        "JUPYTERHUB_SERVICE_URL": url,
        "PERIJOVE_DATA_DIR": str(folder / "data"),
        "PERIJOVE_REPLICA": "second",
    }
    environment = {**first(hub).environ(), **changed}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "perijove_hub"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    log.close()
    replica = Replica(process, url)
    try:
        until(lambda: answers(url), _PATIENCE)
        yield replica
    finally:
        replica.stop()


def test_both_replicas_answer_and_one_leads(hub: Hub, alice: Client, admin: Client, second: Replica) -> None:
    assert leads(hub.service_url)
    assert not leads(second.url)
    told = second.client(admin).info()
    assert told.replica == "second"
    assert told.leader not in {None, "", "second"}
    token = {"Authorization": f"token {admin.settings.token}"}
    assert "perijove_leading 0.0" in httpx.get(f"{second.url}metrics", headers=token).text
    assert "perijove_leading 1.0" in httpx.get(f"{hub.service_url}metrics", headers=token).text
    there = second.client(alice)
    # Made on one and followed on the other, both ways; what the second makes, the first one's loops begin at once.
    assert follow(there, submit(alice, "print('made on the first')")).printed() == "made on the first\n"
    assert follow(alice, submit(there, "print('made on the second')")).printed() == "made on the second\n"


def test_a_signed_address_of_one_replica_is_good_at_the_other(hub: Hub, alice: Client, second: Replica) -> None:
    story = run(alice, "import os\nopen(os.environ['PERIJOVE_OUTPUTS'] + '/answer.txt', 'w').write('42')")
    token = {"Authorization": f"token {alice.settings.token}"}
    for one, other in ((alice.settings.url, second.url), (second.url, alice.settings.url)):
        path = f"api/v1/executions/{story.id}/outputs/answer.txt"
        signed = httpx.get(f"{one}{path}", headers=token, follow_redirects=False).headers["location"]
        assert httpx.get(re.sub(r"^.*?/services/perijove/", other, signed)).text == "42"


def test_when_the_leader_is_killed_the_other_leads_and_work_goes_on(
    hub: Hub, alice: Client, second: Replica, tmp_path: Path
) -> None:
    there = second.client(alice)
    counting = Counting(tmp_path)
    execution = submit(alice, counting.source)
    before = first(hub).pid
    story = follow(there, execution, counting.in_the_middle(lambda: os.kill(before, signal.SIGKILL)))
    assert (story.end.status, story.end.reason, story.end.attempt) == (Status.COMPLETE, Reason.OK, 1)
    assert counted(story) == counting.expected
    # The Hub starts its service again, which may be the first to lead: it is its own successor.
    until(lambda: leads(second.url) or leads(hub.service_url), _PATIENCE)
    assert run(there, "print('and on')").printed() == "and on\n"
    until(lambda: answers(hub.service_url), _PATIENCE)
