"""The lock file names what pyproject.toml asks for."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib


def test_every_package_that_is_asked_for_is_locked_at_a_version_that_fits(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = ("hub", "agent", "lab", "widgets", "postgres")
    asked = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    locked = dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", _lock(root), re.MULTILINE))
    for requirement in map(Requirement, asked):
        name = re.sub(r"[._-]+", "-", requirement.name).lower()
        assert name in locked, f"run `make lock`: {name} is not locked"
        if requirement.marker is None:
            assert requirement.specifier.contains(locked[name]), f"run `make lock`: {name} {locked[name]}"


def test_every_locked_package_has_a_digest_and_comes_from_no_named_place(root: Path) -> None:
    lock = _lock(root)
    pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert all(line.endswith("\\") and "==" in line for line in pins)
    assert not re.search(r"https?://|file:|--index-url|--find-links", lock)


def _lock(root: Path) -> str:
    return (root / "deploy" / "requirements.lock").read_text()
