"""Variables that come back: fetched, checked against their digest, and loaded."""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from perijove.client import Client
from perijove.errors import Forbidden, UnknownDatum
from perijove.magics.cells import BROUGHT
from perijove.magics.failures import UnreadableResults
from perijove.model.resources import ExecutionDetail
from perijove.model.sizes import describe_size


def bring_back(client: Client, execution: ExecutionDetail, names: Collection[str] = ()) -> tuple[dict[str, Any], int]:
    """Return the variables an execution left, by default all of them, and the size they came in.

    Reading a pickle runs what it says, so only one's own executions are read.

    Raises
    ------
    perijove.errors.Forbidden
        It is somebody else's.
    perijove.errors.UnknownDatum
        It left no variables.
    perijove.magics.failures.UnreadableResults
        They need what is not here.
    """
    if execution.owner != client.info().user:
        raise Forbidden(
            f"Execution {execution.number} is {execution.owner}'s; variables come back from your own runs only.",
            "Reading variables runs code that came with them. Run it yourself, or download its outputs.",
        )
    output = next((each for each in client.executions.outputs(execution.id) if each.name == BROUGHT), None)
    if output is None:
        raise UnknownDatum(f"Execution {execution.number} left no variables.", "Name them with --out.")
    with tempfile.TemporaryDirectory(prefix="perijove-") as folder:
        values = _read(client.executions.download(output, folder), execution.environment)
    return {name: value for name, value in values.items() if not names or name in names}, output.size


def _read(path: Path, environment: Mapping[str, Any]) -> dict[str, Any]:
    differ = _other_python(str(environment.get("python") or ""))
    if differ:
        print(f"{differ}: functions and classes that come back may not work.", file=sys.stderr)
    try:
        with path.open("rb") as file:
            values: dict[str, Any] = pickle.load(file)  # noqa: S301 - of the person's own execution, digest checked
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


def told(values: Mapping[str, Any], size: int) -> str:
    """Return a sentence about what came back."""
    return f"{', '.join(values)} came back ({describe_size(size)})."
