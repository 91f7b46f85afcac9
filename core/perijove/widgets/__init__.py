"""Widgets for notebooks: `ExecutionView` shows an execution live, `Launcher` is a form that starts one.

They need ipywidgets, which the extra ``perijove[widgets]`` installs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perijove.widgets.launcher import Launcher
    from perijove.widgets.view import ExecutionView

__all__ = ["ExecutionView", "Launcher"]

_HOMES = {"ExecutionView": "perijove.widgets.view", "Launcher": "perijove.widgets.launcher"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'perijove.widgets' has no attribute {name!r}")
    try:
        import ipywidgets  # noqa: F401, PLC0415 - an extra, not a dependency
    except ImportError:
        raise ImportError("perijove.widgets needs ipywidgets: pip install 'perijove[widgets]'") from None
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
