"""Removing folders that work filled."""

from __future__ import annotations

import logging
from pathlib import Path

from perijove import trees

log = logging.getLogger(__name__)


def remove(path: Path) -> bool:
    """Remove what work may have filled; name in the log what stays, and return whether anything does."""
    remains = trees.remove(path)
    if remains:
        log.warning("%s is not removed; %s stays: %s", path, "this" if remains.count == 1 else "of it", remains)
    return bool(remains)
