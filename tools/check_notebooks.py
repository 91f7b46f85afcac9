"""Check that the notebooks named are valid, carry no outputs and were not run: what is committed is the source."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat


def problems(path: Path) -> list[str]:
    """Return what is wrong with the notebook at `path`."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    dirty = [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    return [f"{path}: clear the outputs of the cells {', '.join(dirty)}"] if dirty else []


def main(paths: list[str]) -> int:
    """Print the problems of all notebooks; return 1 if there are any."""
    found = [problem for path in paths for problem in problems(Path(path))]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
