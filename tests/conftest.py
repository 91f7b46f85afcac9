"""What every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import PRODUCTION

from perijove import trees


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]


#: Levels of folders beyond which pytest, whose own removal recurses, may not find a test's folder again.
_DEEP = 100


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own, removed at once where it became too deep for pytest to remove it later."""
    yield tmp_path
    if any(folder.name.count("/") > _DEEP for folder in trees.walk(tmp_path)):
        trees.remove(tmp_path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests: what needs production parts together, so that each platform starts once; browsers last of all.

    Once Playwright has started, this thread has an event loop that never ends, and no other one may run in it.
    """
    items.sort(key=lambda item: ("browser" in item.path.parts, _parts(item) == PRODUCTION))


def _parts(item: pytest.Item) -> object:
    """Return what the platform of a test runs on, if the test has one."""
    return getattr(getattr(item, "callspec", None), "params", {}).get("hub")
