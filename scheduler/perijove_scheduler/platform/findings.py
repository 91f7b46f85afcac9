"""What a look at the parts found: sentences for whoever runs the platform."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perijove.errors import Unavailable


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a part, and what to do about it; `fatal` where the platform cannot run so."""

    sentence: str
    hint: str
    fatal: bool = True


class Refused(Exception):
    """A part cannot be looked at any further."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.finding = Finding(sentence, hint)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise the first finding that is fatal.

    Raises
    ------
    perijove.errors.Unavailable
        With its sentence and hint.
    """
    for finding in findings:
        if finding.fatal:
            raise Unavailable(finding.sentence, finding.hint)
