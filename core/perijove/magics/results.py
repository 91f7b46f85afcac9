"""Variables that come back: fetched, checked against the digest of the process that wrote them, and loaded."""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from perijove.client import Client
from perijove.errors import Forbidden, NotFound, UnknownDatum
from perijove.magics.cells import BROUGHT, DATA, DIGEST, RESULTS, digest_in
from perijove.magics.data import read_data
from perijove.magics.failures import AlteredResults, UnreadableResults
from perijove.model.resources import ExecutionDetail, Output
from perijove.model.sizes import describe_size

#: Returns the SHA-256 that the process which wrote the variables displayed; empty where it displayed none.
Digest = Callable[[], str]


def bring_back(
    client: Client, execution: ExecutionDetail, digest: Digest, names: Collection[str] = ()
) -> tuple[dict[str, Any], int]:
    """Return the variables an execution left, by default all of them, and the size they came in.

    Reading a pickle runs what it says, so only one's own executions are read, and only what their own process wrote:
    the service keeps the digest of what lay on the worker's disk, which other work there might have changed.

    Raises
    ------
    perijove.errors.Forbidden
        It is somebody else's.
    perijove.errors.UnknownDatum
        It left no variables.
    perijove.magics.failures.AlteredResults
        They are not what the execution's own process wrote.
    perijove.magics.failures.UnreadableResults
        They need what is not here.
    """
    if execution.owner != client.info().user:
        raise Forbidden(
            f"Execution {execution.number} is {execution.owner}'s; variables come back from your own runs only.",
            "Reading variables runs code that came with them. Run it yourself, or download its outputs.",
        )
    output = next((each for each in client.executions.outputs(execution.id) if each.name in {BROUGHT, DATA}), None)
    if output is None:
        raise UnknownDatum(f"Execution {execution.number} left no variables.", "Name them with --out.")
    if digest() != output.sha256:
        raise AlteredResults(f"The variables of execution {execution.number} are not what its own process wrote.")
    with tempfile.TemporaryDirectory(prefix="perijove-") as folder:
        values = _read(client.executions.download(output, folder), output, execution.environment)
    return {name: value for name, value in values.items() if not names or name in names}, output.size


def executed_digest(client: Client, execution: ExecutionDetail) -> str:
    """Return the digest that the cell which left the variables displays in the executed notebook; empty for none."""
    from perijove.notebooks import load_notebook  # noqa: PLC0415 - takes a second to import, and few need it

    try:
        document = load_notebook(client.executions.notebook(execution.id)).document
    except NotFound:
        return ""
    outputs = [output for cell in document.cells if cell.get("id") == RESULTS for output in cell.get("outputs", ())]
    shown = [data for output in outputs if DIGEST in (data := output.get("data", {}))]
    return digest_in(shown[-1]) if shown else ""


def _read(path: Path, output: Output, environment: Mapping[str, Any]) -> dict[str, Any]:
    if output.name == DATA:
        return read_data(path)
    differ = _other_python(str(environment.get("python") or ""))
    if differ:
        print(f"{differ}: functions and classes that come back may not work.", file=sys.stderr)
    try:
        with path.open("rb") as file:
            values: dict[str, Any] = pickle.load(file)  # noqa: S301 - of the person's own process, digest checked
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableResults(
            f"The variables can't be read here: {f'{differ}; ' if differ else ''}{reason}."
        ) from error
    return values


def _other_python(there: str) -> str:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not there or there.split(".")[:2] == here.split("."):
        return ""
    return f"The worker ran Python {there}, this session runs {here}"


def described(values: Mapping[str, Any], size: int) -> str:
    """Return a sentence about what came back."""
    return f"{', '.join(values)} came back ({describe_size(size)})."
