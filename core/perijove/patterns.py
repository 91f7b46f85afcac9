"""What identifiers look like. It imports nothing: the Jupyter server loads this before anybody asks for Perijove."""

from __future__ import annotations

#: An identifier: two or three letters that say what it names, and a lower-case ULID.
ID_PATTERN = r"^[a-z]{2,3}-[0-9a-z]{26}$"
