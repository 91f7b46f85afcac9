"""A notebook that prints numbered lines and waits in its middle, until the test has done there what it is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stories import Story, Watch

from perijove.model.records import OutputRecord, Record

_LINES = 200
_MIDDLE = f"line {_LINES // 2}"
#: Goes on for two seconds after the middle, so that what comes next happens while lines are printed.
_SOURCE = """
import os, time
for n in range({lines}):
    print(f'line {{n}}', flush=True)
    while n == {lines} // 2 and not os.path.exists({done!r}):
        time.sleep(0.01)
    time.sleep(0.02)
"""


class Counting:
    """One such notebook.

    Parameters
    ----------
    folder : pathlib.Path
        Where the notebook looks whether it may go on; it and the test see the same.
    """

    expected = tuple(f"line {n}" for n in range(_LINES))

    def __init__(self, folder: Path) -> None:
        self._done = folder / "done"

    @property
    def source(self) -> str:
        """Its cell; however often it is begun, it waits until `in_the_middle` has acted."""
        return _SOURCE.format(lines=_LINES, done=str(self._done))

    def in_the_middle(self, act: Callable[[], object]) -> Watch:
        """Return a watcher that calls `act` once, when the middle line was printed, and lets the notebook go on."""

        def watch(record: Record) -> None:
            text = record.content.get("text", "") if isinstance(record, OutputRecord) and record.content else ""
            if f"{_MIDDLE}\n" in text and not self._done.exists():
                act()
                self._done.touch()

        return watch


def numbered(text: str) -> tuple[str, ...]:
    """Return the numbered lines among what was printed."""
    return tuple(line for line in text.splitlines() if line.startswith("line "))


def counted(story: Story) -> tuple[str, ...]:
    """Return the numbered lines of a story, in order."""
    return numbered(story.printed())
