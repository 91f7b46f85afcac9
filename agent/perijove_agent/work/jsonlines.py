"""Finds metadata in what work prints: every line that is a JSON object."""

from __future__ import annotations

import json
from typing import Any

from perijove.safe_json import METADATA, fits, repaired

#: A line longer than this many characters is text, whatever it holds.
_LONGEST = 256 * 1024


class JsonLines:
    """Picks the JSON objects out of text that comes in pieces.

    Attributes
    ----------
    left_out : bool
        Whether there was one that is too deep, too large or has too much in it to be metadata.
    """

    def __init__(self) -> None:
        self._start = ""
        self._skipping = False
        self.left_out = False

    def feed(self, text: str) -> list[dict[str, Any]]:
        """Take a piece of text; return the objects of the lines it completes."""
        *lines, rest = text.split("\n")
        found = []
        for line in lines:
            found += self._parse(self._complete(line))
        self._keep(rest)
        return found

    def end(self) -> list[dict[str, Any]]:
        """Return the object of the last line, if it has no newline and is one."""
        return self._parse(self._complete(""))

    def _keep(self, rest: str) -> None:
        if self._skipping:
            return
        self._start += rest
        # What cannot become an object is not kept: a progress bar may never print a newline.
        lead = self._start.lstrip()
        if len(self._start) > _LONGEST or (lead and not lead.startswith("{")):
            self.left_out |= lead.startswith('{"')
            self._start, self._skipping = "", True

    def _complete(self, line: str) -> str:
        whole = "" if self._skipping else self._start + line
        self._start, self._skipping = "", False
        return whole

    def _parse(self, line: str) -> list[dict[str, Any]]:
        line = line.strip()
        if not (line.startswith("{") and line.endswith("}")):
            return []
        if len(line) > _LONGEST:
            self.left_out |= line.startswith('{"')
            return []
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            return []
        except (ValueError, RecursionError):  # an integer of thousands of digits; nesting of thousands of levels
            self.left_out = True
            return []
        if not fits(value, METADATA):
            self.left_out = True
            return []
        return [repaired(value)] if value else []
