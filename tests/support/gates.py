"""A notebook cell that waits until the test lets it go on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gate:
    """A file that a cell waits for, on the machine that test and worker share."""

    file: Path

    def source(self, before: str, after: str = "") -> str:
        """Return a cell that prints `before`, waits, and prints `after`."""
        return (
            "import time\nfrom pathlib import Path\n"
            f"print({before!r}, flush=True)\n"
            f"while not Path({str(self.file)!r}).exists():\n    time.sleep(0.05)\n"
            f"print({after!r})"
        )

    def open(self) -> None:
        """Let the cell go on."""
        self.file.touch()
