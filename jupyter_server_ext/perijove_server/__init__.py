"""The Jupyter Server extension: sends notebooks to Perijove and passes its REST API and event streams on.

Nothing heavy is imported here or in `perijove_server.app`: what a request needs, it imports when it comes, so that the
server starts as fast as without the extension.
"""

from __future__ import annotations

from typing import Any

from perijove._version import __version__

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from perijove_server.app import PerijoveServer  # noqa: PLC0415 - only where a server asks for it

    return [{"module": "perijove_server", "app": PerijoveServer}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "@perijove/labextension"}]
