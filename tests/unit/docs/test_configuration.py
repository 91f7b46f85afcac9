"""The configuration page lists every trait that can be set, in the trait's own words."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from traitlets import TraitType
from traitlets.config import Configurable

import perijove_hub
from perijove_hub.application import PerijoveHub
from perijove_scheduler.platform import Platform
from perijove_scheduler.providers.process import ProcessProvider

_CLASSES: tuple[type[Configurable], ...] = (Platform, ProcessProvider, PerijoveHub)
_TRAITS = [(kind, name, trait) for kind in _CLASSES for name, trait in kind.class_own_traits(config=True).items()]


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize(
    ("kind", "name", "trait"), _TRAITS, ids=[f"{kind.__name__}.{name}" for kind, name, _ in _TRAITS]
)
def test_each_trait_is_listed(page: str, kind: type, name: str, trait: TraitType[object, object]) -> None:
    section = page.partition(f"`c.{kind.__name__}`")[2].partition("\n## ")[0]
    assert f"| `{name}` | {trait.help} |" in section


def test_no_trait_is_listed_that_is_gone(page: str) -> None:
    listed = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert listed == {name for _, name, _ in _TRAITS}


def test_what_the_example_passes_is_taken(page: str) -> None:
    known = inspect.signature(perijove_hub.configure).parameters
    assert {"config_file", "admin_groups"} <= set(known)
    assert "perijove_hub.configure(c, config_file=" in page
