"""What a look at the parts found: sentences for whoever runs the platform."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from perijove.errors import Unavailable

_log = logging.getLogger("perijove.platform")


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


def refuse(findings: Sequence[Finding]) -> None:
    """Raise the first finding that is fatal.

    Raises
    ------
    perijove.errors.Unavailable
        With its sentence and hint.
    """
    for finding in findings:
        if finding.fatal:
            raise Unavailable(finding.sentence, finding.hint)


def report(findings: Sequence[Finding]) -> None:
    """Raise the first finding that is fatal, as `refuse` does; log the others as warnings."""
    refuse(findings)
    for finding in findings:
        _log.warning("%s %s", finding.sentence, finding.hint)
