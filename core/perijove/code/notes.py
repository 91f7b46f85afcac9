"""What a person should know of a snapshot: sentences, and not too many."""

from __future__ import annotations

from perijove.paths import shown, why_not

_MOST = 20


class Notes:
    """Collects sentences, such as about a socket that was passed over."""

    def __init__(self, given: tuple[str, ...] = ()) -> None:
        self._sentences = list(given)

    def add(self, sentence: str) -> None:
        """Add a sentence."""
        self._sentences.append(sentence)

    def stays(self, name: str, error: OSError | None) -> None:
        """Add that something can't be read and is left out."""
        why = why_not(error) if error else "it cannot be read"
        self._sentences.append(f"{shown(name)} stays here: {why}.")

    def sentences(self) -> tuple[str, ...]:
        """Return them in order; of very many the first, and how many more there are."""
        named = tuple(sorted(self._sentences)[:_MOST])
        more = len(self._sentences) - len(named)
        return (*named, f"{more:,} more are like these.") if more else named
