"""Perijove: versioned remote executions of notebooks.

``perijove.run("train.ipynb", parameters={"epochs": 5})`` runs a notebook on a worker group; `Client` and `AsyncClient`
speak to the service. Each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from perijove._version import __version__

if TYPE_CHECKING:
    from perijove.client import AsyncClient, Client, RemoteExecution, run
    from perijove.errors import PerijoveError

__all__ = ["AsyncClient", "Client", "PerijoveError", "RemoteExecution", "__version__", "run"]

_HOMES = {
    "AsyncClient": "perijove.client",
    "Client": "perijove.client",
    "PerijoveError": "perijove.errors",
    "RemoteExecution": "perijove.client",
    "run": "perijove.client",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'perijove' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def load_ipython_extension(shell: Any) -> None:
    """Load ``%%remote`` into an IPython session: ``%load_ext perijove``."""
    from perijove.magics import load  # noqa: PLC0415 - imports IPython

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take ``%%remote`` out of an IPython session: ``%unload_ext perijove``."""
    from perijove.magics import unload  # noqa: PLC0415 - imports IPython

    unload(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
