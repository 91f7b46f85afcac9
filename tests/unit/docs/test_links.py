"""Every relative link of the documentation leads to a file, and what the README promises of `make` is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
_MAKE = re.compile(r"(?:\$ |`)make ([a-z-]+)")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    broken = [target for target in _LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not broken


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_MAKE.findall(page.read_text())) <= targets


def test_the_documentation_index_lists_every_page() -> None:
    index = (_ROOT / "docs" / "README.md").read_text()
    pages = [page.name for page in (_ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert not [name for name in pages if f"({name})" not in index]
