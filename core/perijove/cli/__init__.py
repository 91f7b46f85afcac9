"""The command line: ``perijove``.

Standard output carries what was asked for (a log, a list, JSON); everything else is said on standard error. Exit
status: 0 complete, 1 error, 2 usage, 3 crashed or stopped; 130 when Ctrl-C ended the command, not the execution.
"""

from perijove.cli.root import main

__all__ = ["main"]
