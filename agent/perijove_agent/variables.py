"""The environment variables work sees."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from perijove.model.tickets import Ticket
from perijove_agent.folders import AttemptFolders

#: What work inherits of the agent's environment; everything else, tokens above all, stays with the agent.
_INHERITED = frozenset(
    {
        "HOME", "LOGNAME", "PATH", "SHELL", "USER", "TZ", "LD_LIBRARY_PATH",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    }
)  # fmt: skip
_INHERITED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "CONDA_")


def base_variables(python: str, temporary: Path) -> dict[str, str]:
    """Return the clean environment all work starts from; the folder of `python` comes first on ``PATH``."""
    variables = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    search = variables.get("PATH", os.defpath)
    here = str(Path(python).parent)
    variables["PATH"] = search if here in search.split(os.pathsep) else f"{here}{os.pathsep}{search}"
    variables["LANG"] = os.environ.get("LANG", "C.UTF-8")
    variables["TMPDIR"] = str(temporary)
    variables["PYTHONUNBUFFERED"] = "1"
    return variables


def work_variables(ticket: Ticket, folders: AttemptFolders, base: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of one attempt's work.

    The ``VH_`` names are valohai's for the same things, so that the valohai-utils library works unchanged. Processes
    of this machine cannot have a ``/valohai`` folder each: with this runtime the variables alone say where things lie.
    """
    places = {
        "CONFIG": folders.config,
        "INPUTS": folders.inputs,
        "OUTPUTS": folders.outputs,
        "REPOSITORY": folders.repository,
    }
    return {
        **base,
        **ticket.spec.environment_variables,
        **{f"PERIJOVE_{name}": str(path) for name, path in places.items()},
        **{f"VH_{name}_DIR": str(path) for name, path in places.items()},
        "PERIJOVE_EXECUTION": ticket.execution,
        "PERIJOVE_ATTEMPT": str(ticket.attempt),
        "VH_JOB_ID": ticket.execution,
        "VH_EXECUTION_ID": ticket.execution,
        "TMPDIR": str(folders.temporary),
    }
