"""One platform for everything here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sites import Site, running


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The platform."""
    with running(tmp_path_factory.mktemp("site")) as site:
        yield site
