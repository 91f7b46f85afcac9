"""``make bench``: every row of the table, with the peers in the same run. Quote ratios, as seconds are a machine's.

python -m benchmarks [--only ROW …] [--quick] [--read FILE …] [--json FILE] [--docs FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Result, Row
from benchmarks.rows import ROWS
from benchmarks.site import Site
from benchmarks.table import printed, with_table


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    names = [row.name for row in ROWS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"only these: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that every row runs, measures nothing")
    parser.add_argument("--read", type=Path, nargs="+", metavar="FILE", help="measure nothing: show what --json wrote")
    parser.add_argument("--json", type=Path, help="also write every figure and every single measurement to this file")
    parser.add_argument("--docs", type=Path, help="also put the table into this folder's performance.md")
    return parser.parse_args()


def run(rows: list[Row], quick: bool) -> dict[str, Result]:
    """Measure rows on one site."""
    found: dict[str, Result] = {}
    site = Site(quick)
    try:
        for row in rows:
            print(f"{row.name}: {row.summary} …", flush=True)
            began = time.perf_counter()
            found[row.name] = row.measure(site)
            print(f"  {time.perf_counter() - began:.0f} s", flush=True)
    finally:
        site.close()
    return found


def document(found: dict[str, Result]) -> dict[str, Any]:
    """Return everything that was measured, and on what."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    return {"machine": machine, "rows": {name: asdict(result) for name, result in found.items()}}


def read(files: list[Path]) -> dict[str, Result]:
    """Return what earlier runs wrote, in the order of the table; the later file wins."""
    rows: dict[str, Any] = {}
    for file in files:
        rows |= json.loads(file.read_text())["rows"]
    names = [row.name for row in ROWS if row.name in rows]
    return {name: Result([Figure(**one) for one in rows[name]["figures"]], rows[name]["series"]) for name in names}


def main() -> int:
    """Measure, print, and write what was asked for."""
    chosen = _chosen()
    if chosen.read:
        found = read(chosen.read)
    else:
        found = run([row for row in ROWS if not chosen.only or row.name in chosen.only], chosen.quick)
    figures = [figure for result in found.values() for figure in result.figures]
    printed(figures)
    if chosen.json:
        chosen.json.write_text(json.dumps(document(found), indent=1))
    if chosen.docs:
        from benchmarks.plots import draw  # noqa: PLC0415 - matplotlib takes a second to import

        document_page = chosen.docs / "performance.md"
        document_page.write_text(with_table(document_page.read_text(), figures))
        draw(found, chosen.docs / "images" / "performance.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
