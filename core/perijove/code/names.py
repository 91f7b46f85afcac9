"""Which names and link targets a snapshot may hold: rules for the side that packs and the side that unpacks."""

from __future__ import annotations

import posixpath
import re

from perijove import errors

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_name(name: str) -> str:
    """Return `name` if it is a relative path of readable characters that stays in its folder.

    Raises
    ------
    perijove.errors.InvalidPath
        It is absolute, has an empty, ``.`` or ``..`` part, holds control characters or is not UTF-8.
    """
    if any(part in {"", ".", ".."} for part in name.split("/")):
        raise errors.InvalidPath(f"The name {name!r} leaves its folder.")
    return check_text(name)


def check_text(name: str) -> str:
    """Return `name` if a terminal, a log and a JSON document can hold it, else raise `perijove.errors.InvalidPath`."""
    hint = "Rename it, or list it in .perijoveignore."
    if _CONTROL.search(name):
        raise errors.InvalidPath(f"The name {name!r} holds control characters.", hint)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise errors.InvalidPath(f"The name {name!a} is not UTF-8.", hint) from None
    return name


def stays_inside(name: str, target: str) -> bool:
    """Return whether the link `name` → `target` stays in the folder, whatever the target's parts are.

    A ``..`` may stand only at the front: ``k/..`` means another folder when ``k`` is itself a link, and a chain of
    such links can climb out although each looks harmless.
    """
    if not target or target.startswith("/"):
        return False
    parts = [part for part in target.split("/") if part not in {"", "."}]
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    depth = len(posixpath.dirname(name).split("/")) if "/" in name else 0
    return ups <= depth and ".." not in parts[ups:]
