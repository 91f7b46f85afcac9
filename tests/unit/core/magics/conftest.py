"""An IPython session, and a Perijove service behind the client's transport."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from perijove.client import Client
from perijove.magics import RemoteMagics, unload
from perijove.magics.cells import DIGEST, RESULTS
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.resources import Execution, ExecutionDetail, Info, Output
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status
from perijove.parameters import inject

URL = "https://hub.example.org/services/perijove/"
NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
GROUP = {
    "name": "local", "description": "", "runtime": "process", "image": None, "provider": "process", "min_workers": 0,
    "max_workers": 1, "grace_period": 1, "capacity": {}, "workers": 0, "idle": 0, "waiting": 0, "running": 0,
}  # fmt: skip


class Service:
    """Keeps what it is sent, and tells of one execution what the test laid down."""

    def __init__(self) -> None:
        self.id = new_id("ex")
        self.archives: list[bytes] = []
        self.created: list[dict[str, Any]] = []
        self.stopped = 0
        self.owner = "ann"
        self.python = ""
        self.status, self.reason = Status.COMPLETE, None
        self.records: list[dict[str, Any] | BaseException] = []
        self.files: dict[str, bytes] = {}
        self.notebook: dict[str, Any] | None = None
        self.asked: list[str] = []

    @property
    def document(self) -> dict[str, Any]:
        """The notebook sent last."""
        return self.created[-1]["notebook"]

    @property
    def sources(self) -> dict[str, str]:
        """The sources of the notebook sent last as it will run, by cell id."""
        sent = self.created[-1]
        return {
            cell["id"]: cell["source"] for cell in inject(sent["notebook"], sent["spec"].get("parameters", {}))["cells"]
        }

    def sent_files(self) -> dict[str, bytes]:
        """Return the files of the snapshot sent last."""
        raw = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(self.archives[-1])).read()
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            return {item.name: tar.extractfile(item).read() for item in tar if item.isfile()}

    def output(self, cell: str, message: str, **content: Any) -> None:
        """Lay down an output of the execution."""
        self.records.append({"kind": "output", "cell": cell, "message": message, "content": content})

    def leaves(self, digest: str | None = None, **files: bytes) -> None:
        """Lay down files of variables, and what the process that wrote them says of them, as it runs and afterwards."""
        self.files = {name.replace("_", "."): content for name, content in files.items()}
        for content in self.files.values():
            said = digest if digest is not None else hashlib.sha256(content).hexdigest()
            data = {DIGEST: {"file": "x", "sha256": said}, "text/plain": "x"}
            if said:
                self.output(RESULTS, "display_data", data=data, metadata={})
            shown = [{"output_type": "display_data", "data": data, "metadata": {}}] if said else []
            cell = {**new_code_cell("", id=RESULTS), "outputs": shown}
            self.notebook = {**new_notebook(cells=[cell])}

    def prints(self, text: str, cell: str = "in-1", stream: str = "stdout") -> None:
        self.output(cell, "stream", name=stream, text=text)

    def fails(self, cell: str, name: str = "ValueError", value: str = "no") -> None:
        """Lay down that a cell raises."""
        self.output(cell, "error", ename=name, evalue=value, traceback=["\x1b[31mthere\x1b[0m", f"{name}: {value}"])
        self.status, self.reason = Status.ERROR, Reason.CELL_ERROR

    def execution(self, kind: type[Execution] = Execution, status: Status | None = None) -> dict[str, Any]:
        fields = {name: None for name, field in kind.model_fields.items() if field.is_required()}
        fields |= {"id": self.id, "number": 12, "project": new_id("pr"), "project_name": "ann", "owner": self.owner}
        fields |= {"status": status or self.status, "reason": None if status else self.reason, "detail": ""}
        fields |= {"sentence": "It waits." if status else "It is over.", "hint": "", "attempt": 1}
        fields |= {"metadata": {}, "metadata_truncated": False, "waits_for": "", "left_out": 0, "left_out_files": []}
        fields |= {"created_at": NOW, "url": f"{URL}executions/12"}
        spec = Spec(group="local", notebook=Notebook(path="a.ipynb"))
        if kind is ExecutionDetail:
            fields |= {"attempts": [], "environment": {"python": self.python}}
        return {**kind(**{**fields, "spec": spec}).model_dump(mode="json"), "spec": spec.as_json()}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        place = request.url.path.removeprefix("/services/perijove/api/v1/")
        self.asked.append(f"{request.method} {place}")
        for pattern, reply in self._routes().items():
            if re.fullmatch(pattern, f"{request.method} {place}"):
                return reply(request)
        raise AssertionError(f"nobody answers {request.method} {place}")

    def _routes(self) -> dict[str, Callable[[httpx.Request], httpx.Response]]:
        def known(body: Any) -> Callable[[httpx.Request], httpx.Response]:
            return lambda _request: httpx.Response(200, json=body)

        info = Info(version="1", user="ann", admin=False, scopes=[], snapshot_limit=1 << 30, notebook_limit=1 << 20)
        return {
            "GET info": known(info.model_dump()),
            "GET groups": known({"items": [GROUP], "next": None}),
            "GET groups/local": known(GROUP),
            "GET code/.*": _missing,
            "PUT code/.*": self._store,
            "POST executions": self._create,
            f"GET executions/{self.id}": known(self.execution(ExecutionDetail)),
            f"GET executions/{self.id}/events": self._events,
            f"GET executions/{self.id}/notebook": known(self.notebook) if self.notebook else _missing,
            f"POST executions/{self.id}/stop": self._stop,
            f"GET executions/{self.id}/outputs": known({"items": [*map(self._output, self.files)], "next": None}),
            f"GET executions/{self.id}/outputs/.*": self._file,
        }

    def _store(self, request: httpx.Request) -> httpx.Response:
        self.archives.append(request.read())
        code = "~" + hashlib.sha256(self.archives[-1]).hexdigest()
        body = {"id": code, "project": "p", "size": 1, "created_by": "ann", "created_at": NOW.isoformat()}
        return httpx.Response(201, json=body)

    def _create(self, request: httpx.Request) -> httpx.Response:
        self.created.append(json.loads(request.read()))
        return httpx.Response(201, json=self.execution(status=Status.CREATED))

    def _stop(self, _request: httpx.Request) -> httpx.Response:
        self.stopped += 1
        self.status, self.reason = Status.STOPPED, Reason.STOPPED_BY_USER
        return httpx.Response(200, json=self.execution(status=Status.STOPPING))

    def _events(self, request: httpx.Request) -> httpx.Response:
        after = int(request.headers.get("Last-Event-ID", "1-0").partition("-")[2])
        return httpx.Response(200, stream=_Stream(self._messages(after)))

    def _messages(self, after: int) -> Iterator[bytes]:
        yield _message("execution", self.execution(status=Status.STARTED))
        for number, record in enumerate(self.records, 1):
            if isinstance(record, BaseException) and not self.stopped:
                raise record
            if number > after and not isinstance(record, BaseException):
                yield _message("record", {"n": number, "t": 0.0, **record}, f"1-{number}")
        yield _message("execution", self.execution())
        yield _message("end", {})

    def _output(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        made = Output(id=new_id("da"), execution=self.id, name=name, size=len(content), created_at=NOW, url=URL,
                      sha256=hashlib.sha256(content).hexdigest(), media_type="application/octet-stream")  # fmt: skip
        return made.model_dump(mode="json")

    def _file(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.files[request.url.path.rpartition("/")[2]])


def _missing(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"error": {"code": "unknown_code", "message": "No.", "hint": ""}})


class _Stream(httpx.SyncByteStream):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def _message(event: str, data: Any, place: str = "") -> bytes:
    return f"event: {event}\n{f'id: {place}' if place else ':'}\ndata: {json.dumps(data)}\n\n".encode()


class Session:
    """What a person does in a notebook, and what they see."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def run(self, source: str) -> Any:
        """Execute a cell; return its value, or raise what it raised."""
        result = self.shell.run_cell(source, store_history=True)
        result.raise_error()
        return result.result

    def tries(self, source: str) -> BaseException:
        """Execute a cell that fails; return its exception."""
        result = self.shell.run_cell(source, store_history=True)
        error = result.error_in_exec or result.error_before_exec
        assert error is not None
        return error

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns

    @property
    def displayed(self) -> list[dict[str, Any]]:
        return self.shell.display_pub.outputs


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.display_pub = CapturingDisplayPublisher(shell=shell)
    yield shell
    shell.restore_sys_module_state()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def session(
    shell: InteractiveShell, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """A session in a project folder of its own, with ``%%remote``."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "helper.py").write_text("def twice(x): return 2 * x\n")
    (project / ".perijoveignore").write_text("")
    monkeypatch.chdir(project)

    def connect() -> Client:
        return Client(URL, "t0k", transport=httpx.MockTransport(service.answer), sleep=lambda _seconds: None)

    magics = RemoteMagics(shell, connect)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.failures.note)
    yield Session(shell)
    unload(shell)
