"""The standard streams of a program, whatever terminal or pipe it was started on."""

from __future__ import annotations

import io
import os
import sys


def make_printable() -> None:
    """Let a terminal that knows only some characters get a replacement for the others, and a closed stream nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by who called: `perijove ls >&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
