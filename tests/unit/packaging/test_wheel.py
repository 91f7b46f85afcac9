"""A wheel holds the front end, or is not built."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

_BUILT = "jupyter_server_ext/perijove_server/labextension"


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A copy of what a wheel is made from, as a fresh clone has it: without the built front end."""
    place = tmp_path / "checkout"
    place.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "labextension/install.json"):
        (place / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, place / name)
    ignored = shutil.ignore_patterns("labextension", "__pycache__")
    for name in ("core", "scheduler", "hub_extension", "agent", "jupyter_server_ext"):
        shutil.copytree(root / name, place / name, ignore=ignored)
    return place


def build(checkout: Path) -> Path:
    (made,) = WheelBuilder(str(checkout)).build(directory=str(checkout / "dist"), versions=["standard"])
    return Path(made)


def test_a_wheel_is_not_built_without_the_front_end(checkout: Path) -> None:
    with pytest.raises(RuntimeError, match="run `make labextension`"):
        build(checkout)


def test_a_wheel_holds_the_front_end_where_jupyterlab_looks(checkout: Path) -> None:
    built = checkout / _BUILT
    built.mkdir(parents=True)
    (built / "package.json").write_text("{}")
    with zipfile.ZipFile(build(checkout)) as wheel:
        names = wheel.namelist()
    place = "data/share/jupyter/labextensions/@perijove/labextension"
    assert {name for name in names if place in name} == {
        next(name for name in names if name.endswith(f"{place}/{file}")) for file in ("package.json", "install.json")
    }
    assert any(name.endswith("perijove_hub/pages/home.py") for name in names)
