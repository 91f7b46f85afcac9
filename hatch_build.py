"""Puts the built front end into the wheel's shared data, where JupyterLab looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT = "jupyter_server_ext/perijove_server/labextension"
_TARGET = "share/jupyter/labextensions/@perijove/labextension"


class LabExtension(BuildHookInterface[Any]):
    """Adds the front end.

    A wheel without it would install in silence, and JupyterLab show nothing of ours: its build fails instead. A
    checkout that is installed for development may do without; `make labextension` builds it there.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files to install beside the package.

        Raises
        ------
        RuntimeError
            A wheel is built, and the front end was not.
        """
        if (Path(self.root) / _BUILT / "package.json").is_file():
            build_data["shared_data"] |= {_BUILT: _TARGET, "labextension/install.json": f"{_TARGET}/install.json"}
        elif version != "editable":
            raise RuntimeError("The front end is not built: run `make labextension` in this checkout first.")
