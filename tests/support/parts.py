"""The parts a platform of the tests runs on."""

from __future__ import annotations

import pytest

EMBEDDED, PRODUCTION = "embedded", "production"
#: For tests that run on SQLite with a private Redis, and again on PostgreSQL with a Redis of its own.
ON_BOTH = pytest.mark.parametrize("hub", [EMBEDDED, PRODUCTION], indirect=True, scope="session")
#: For tests of what only the latter can do.
IN_PRODUCTION = pytest.mark.parametrize("hub", [PRODUCTION], indirect=True, scope="session")
