"""What every kind of test may use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in a browser last: once Playwright has started, this thread has an event loop that never ends."""
    items.sort(key=lambda item: "browser" in item.path.parts)
