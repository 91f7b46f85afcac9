"""What work left that is not kept as an output, and why: part of its execution's end."""

from __future__ import annotations

from collections.abc import Iterator

from perijove.model.events import LEFT_OUT_LENGTH, LEFT_OUT_NAMED, LeftOut
from perijove.paths import shown


class Omissions:
    """Counts what is left out, and names the first of it: there may be more than anybody wants to read.

    Attributes
    ----------
    count : int
        How much is left out.
    first : list of LeftOut
        At most `perijove.model.events.LEFT_OUT_NAMED`.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[LeftOut] = []

    def add(self, name: str, why: str) -> None:
        """Take note of one, by the name it would have had and a clause that says why it hasn't."""
        self.count += 1
        if len(self.first) < LEFT_OUT_NAMED:
            self.first.append(LeftOut(name=shown(name), why=why[:LEFT_OUT_LENGTH]))

    def merge(self, other: Omissions) -> None:
        """Take over what another has."""
        self.first += other.first[: LEFT_OUT_NAMED - len(self.first)]
        self.count += other.count

    def lines(self) -> Iterator[str]:
        """Iterate over what to say of it in the log."""
        for each in self.first:
            yield f"Output '{each.name}' is left out: {each.why}.\n"
        if self.count > len(self.first):
            yield f"{self.count - len(self.first):,} more outputs are left out.\n"
