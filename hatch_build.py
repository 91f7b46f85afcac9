"""Puts the built front end into the wheel's shared data, where JupyterLab looks for it, if it has been built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT = "jupyter_server_ext/perijove_server/labextension"
_TARGET = "share/jupyter/labextensions/@perijove/labextension"


class LabExtension(BuildHookInterface[Any]):
    """Adds the front end; an installation without it still has everything that needs no JupyterLab."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files to install beside the package."""
        if (Path(self.root) / _BUILT / "package.json").is_file():
            build_data["shared_data"] |= {_BUILT: _TARGET, "labextension/install.json": f"{_TARGET}/install.json"}
