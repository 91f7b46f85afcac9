"""Keeps the agent's start short: import this before anything that imports nbformat.

nbformat imports jsonschema, which, where it finds `rfc3987_syntax` (jupyter-events brings it along), has it build an
Earley parser for the format "iri" at import: half of the CPU time of an agent's start. No schema of the agent's has
such a format, and jsonschema goes on without a checker it cannot import.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is Python's mark for "not importable"
